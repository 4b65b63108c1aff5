"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const get = (id) => document.getElementById(id);
  const overview = get("overview"), search = get("search"), found = get("found");
  const sections = [...document.querySelectorAll("section.document")];
  const ROWS = 200;

  // Dark or light: as the system has it until somebody chooses. Storage may be forbidden for files.
  const recall = () => { try { return localStorage.getItem("batchocr-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("batchocr-theme", theme); } catch { /* for this page only */ } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { root.dataset.theme = recall() || (system.matches ? "dark" : "light"); };
  const toggleTheme = () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; keep(root.dataset.theme); };
  paint();
  system.addEventListener("change", paint);
  get("theme").addEventListener("click", toggleTheme);

  // Which view: the overview, or one document.
  let shown = null;
  const textOf = new Map();
  const text = (element) => {
    if (!textOf.has(element)) textOf.set(element, element.textContent.toLowerCase());
    return textOf.get(element);
  };
  function route() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id ? get(id) : null;
    shown = target ? target.closest("section.document") : null;
    if (!shown && !overview) shown = sections[0] || null;
    for (const section of sections) section.classList.toggle("shown", section === shown);
    if (overview) overview.hidden = shown !== null;
    if (shown) {
      for (const copy of shown.querySelectorAll("img[data-copy]")) {
        if (!copy.src) copy.src = copy.closest(".columns").querySelector(".picture img").src;
      }
      (target || shown).focus({ preventScroll: true });
      (target || shown).scrollIntoView();
      if (target === shown || !target) scrollTo(0, 0);
    }
    find();
  }

  // The list of documents: rows of source, state, pages, pages done, pages failed, address, and first page and address
  // of each further part of a long one.
  const data = get("data") ? JSON.parse(get("data").textContent) : [];
  const body = overview ? get("list").tBodies[0] : null;
  let state = "", order = -1, up = true, limit = ROWS;
  const addressOf = (row, number, page) => {
    let address = row[5];
    for (const [first, part] of row[6]) if (first <= page) address = part;
    return address.includes("#") ? address.replace(/#.*/, `#d${number}p${page}`) : address;
  };
  const inside = (row, words) => {
    if (row[0].toLowerCase().includes(words)) return true;
    if (!row[5].startsWith("#")) return false;
    return [row[5], ...row[6].map((part) => part[1])].some((address) => text(get(address.slice(1))).includes(words));
  };
  function list(words) {
    let rows = data.filter((row) => (!state || row[1] === state) && (!words || inside(row, words)));
    if (order >= 0) {
      const by = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (a || 0) - (b || 0));
      rows = rows.slice().sort((a, b) => (up ? 1 : -1) * by(a[order], b[order]));
    }
    body.replaceChildren(...rows.slice(0, limit).map((row) => {
      const line = document.createElement("tr");
      const name = document.createElement(row[5] ? "a" : "span");
      if (row[5]) name.href = row[5];
      const bdi = document.createElement("bdi");
      bdi.textContent = row[0];
      name.append(bdi);
      const badge = document.createElement("span");
      badge.className = "state " + row[1];
      badge.textContent = row[1];
      const begun = row[1] === "pending" || row[1] === "running" ? row[3] : 0;
      const pages = row[2] === null ? "?" : begun ? `${begun}/${row[2]}` : row[2];
      for (const content of [name, badge, pages, row[4] || ""]) {
        const cell = line.insertCell();
        cell.append(content);
        if (line.cells.length > 2) cell.className = "n";
      }
      return line;
    }));
    get("more-rows").hidden = rows.length <= limit;
    return rows.length;
  }
  if (overview) {
    const states = [...new Set(data.map((row) => row[1]))].sort();
    for (const name of states.length > 1 ? ["", ...states] : []) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name || "all";
      button.setAttribute("aria-pressed", String(name === state));
      button.addEventListener("click", () => {
        state = name;
        for (const other of get("filters").children) other.setAttribute("aria-pressed", String(other === button));
        find();
      });
      get("filters").append(button);
    }
    for (const head of document.querySelectorAll("th[data-sort]")) {
      head.firstChild.addEventListener("click", () => {
        const column = Number(head.dataset.sort);
        up = order === column ? !up : column < 2;
        order = column;
        for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        find();
      });
    }
    get("more-rows").addEventListener("click", () => { limit += 5 * ROWS; find(); });
    for (const link of document.querySelectorAll("a.to-document")) {
      const { number, page } = link.dataset;
      const row = data[Number(number) - 1];
      if (row && row[5]) link.href = page ? addressOf(row, number, Number(page)) : row[5];
    }
  }

  // Search: in the overview documents by name and text, in a document its pages.
  function mark(element, words) {
    if (!CSS.highlights) return;
    CSS.highlights.delete("found");
    if (!element || !words) return;
    const ranges = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && ranges.length < 2000) {
      const low = walker.currentNode.data.toLowerCase();
      for (let at = low.indexOf(words); at >= 0; at = low.indexOf(words, at + words.length)) {
        if (at + words.length > walker.currentNode.length) break;
        const range = new Range();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + words.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  function find() {
    const words = search.value.trim().toLowerCase();
    if (shown) {
      let pages = 0;
      for (const page of shown.querySelectorAll(".page")) {
        page.hidden = Boolean(words) && !text(page).includes(words);
        pages += page.hidden ? 0 : 1;
      }
      found.value = words ? plural(pages, "page") : "";
    } else if (overview) {
      const count = list(words);
      found.value = words || state ? plural(count, "document") : "";
    }
    mark(shown, words);
  }
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); limit = ROWS; waiting = setTimeout(find, 120); });

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      } catch {
        getSelection().selectAllChildren(code);
      }
    });
  }
  for (const button of document.querySelectorAll("button.show-more")) {
    button.addEventListener("click", () => { button.closest(".group").classList.add("open"); button.remove(); });
  }

  // Keys.
  const help = get("help");
  get("help-button").addEventListener("click", () => help.showModal());
  function step(way) {
    const items = shown ? [...shown.querySelectorAll(".page:not([hidden])")] : [...body.querySelectorAll("a")];
    const now = items.indexOf(document.activeElement);
    const next = items[now < 0 ? (way > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, now + way))];
    if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: shown ? "start" : "nearest" }); }
  }
  function turn(way) {
    const now = sections.indexOf(shown);
    const next = sections[shown ? now + way : way > 0 ? 0 : sections.length - 1];
    const beyond = document.querySelector(way > 0 ? "a[rel=next]" : "a[rel=prev]");
    if (next) location.hash = next.id; else if (beyond) location.href = beyond.href;
  }
  for (const button of document.querySelectorAll("button[data-turn]")) {
    button.addEventListener("click", () => turn(Number(button.dataset.turn)));
  }
  function leave() {
    if (search.value) { search.value = ""; find(); } else if (shown && overview) location.hash = "";
    else if (!overview) location.href = document.querySelector(".brand").href;
  }
  const keys = {
    "/": () => search.focus(), j: () => step(1), k: () => step(-1), n: () => turn(1), p: () => turn(-1),
    t: toggleTheme, b: () => root.classList.toggle("hide-boxes"), "?": () => help.showModal(), Escape: leave,
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (document.activeElement === search) {
      if (event.key === "Escape") { if (search.value) { search.value = ""; find(); } else search.blur(); event.preventDefault(); }
      if (event.key === "Enter") { find(); search.blur(); step(1); event.preventDefault(); }
      return;
    }
    if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
  });
  addEventListener("hashchange", route);
  route();
})();
