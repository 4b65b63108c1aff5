"""What the sample documents say. Written for them; free to use under the project's licence."""

from __future__ import annotations

SCAN_LEFT = (
    "A scanned page is a photograph of words. It shows what was printed, and nothing in the file says which marks "
    "are letters, where a column ends, or that a line of bold type opens a new chapter. Whoever wants to search such "
    "a page, or copy a table out of it, has to read it first.",
    "One page is no trouble. Any desktop program will read it while you wait, and if the result is wrong you try "
    "once more. Ten thousand pages are a different kind of work. They come from several offices, made by several "
    "machines in several decades. Some are crooked, some are empty, a few are broken files that only look like "
    "documents.",
    "Work of that size is done at night, by a machine that nobody watches. In the morning somebody asks two "
    "questions: is it finished, and what is missing?",
)
SCAN_RIGHT = (
    "A careful job runner can answer both. It keeps a ledger in which every page has a line: done, blank, or failed "
    "for a reason that is written out. A page that could not be read is named, and the pages beside it are delivered "
    "all the same.",
    "The second virtue is patience. Power fails, disks fill up, a graphics card hangs. When the same command is "
    "given again, pages that were read before are not read again. Only the rest is done, and the reader of the "
    "results cannot tell where the interruption was.",
    "The third virtue is modesty. A runner does not pretend to understand a page. It hands pictures to an engine, "
    "takes back text, tables and figures, and puts them where people will find them: one folder for each document, "
    "with the text in plain Markdown and each table as a sheet.",
)
TABLE_INTRO = (
    "Before the archive chose its settings, four batches were read twice: once at 150 dots per inch and once at 200. "
    "The time was taken by the wall clock, on one machine and with nothing else running."
)
TABLE_HEAD = ((("", 1), ("150 dpi", 2), ("200 dpi", 2)), (("Batch", 1), *((("Pages", 1), ("Minutes", 1)) * 2)))
TABLE_ROWS = (
    ("Letters, 1962", "418", "11.2", "418", "12.0"),
    ("Minutes of the board", "1,260", "35.7", "1,260", "37.9"),
    ("Delivery notes", "96", "2.4", "95", "2.5"),
    ("Maps with legends", "37", "1.9", "37", "2.6"),
    ("Sum", "1,811", "51.2", "1,810", "55.0"),
)
TABLE_AFTER = (
    "The finer pictures cost about seven minutes in a hundred. In return, the small print of the delivery notes came "
    "out without a wrong digit, and for that reason 200 dots per inch became the rule.",
    "One delivery note is missing in the right half of the table. Its page was torn, and the second reading gave it "
    "up after two attempts. The report names the page, so that someone can fetch the sheet and scan it again.",
)
CHART_INTRO = (
    "The first week went as the chart shows. On Monday only one machine was at work. From Tuesday on there were two, "
    "and on Thursday the cleaning staff pulled a plug at noon."
)
CHART = (("Mon", 2100), ("Tue", 4350), ("Wed", 4420), ("Thu", 2960), ("Fri", 4510))
CHART_CAPTION = "Figure 1: Pages read on each day of the first week"
PICTURE_CAPTION = "Figure 2: View from the reading room, as printed on the cover"
LIST_INTRO = "Whoever starts a batch goes through these points. They take five minutes and have saved many a night."
LIST_ITEMS = (
    "Look at ten pages from different boxes. Are they the right way up, and are both sides there?",
    "Count the sheets in one box and compare the number with the pages in its file.",
    "See that the disk has room for the pictures as well as for the text.",
    "Start with one small folder, and open its results before you start the rest.",
    "Write the name of the batch, the date and your own name on the first sheet.",
)
LIST_AFTER = (
    "In the morning, read the summary first. If it speaks of failed pages, try those once more; most of them only "
    "met a machine that was busy. What fails twice needs a person, and usually a better scan."
)

REPORT_SUMMARY = (
    "This report was written on a computer and never printed. Its pages carry their own text, so a reader of "
    "documents need not guess at letters: it can take them as they are, in a few milliseconds, without a single "
    "mistake."
)
REPORT_STEPS = (
    "The coordinator finds the documents and decides who reads which pages.",
    "A renderer draws each page as a picture, a few pages ahead of the engine.",
    "A worker, one for each device, recognizes what the picture shows.",
    "A finisher joins the pages and puts the finished folder in its place.",
)
REPORT_TABLE = (
    ("State", "Meaning", "What to do"),
    ("done", "Every page was read", "Nothing"),
    ("partial", "Some pages failed", "Read the reasons, then retry"),
    ("failed", "No page could be read", "Check the file itself"),
    ("skipped", "Nothing has changed since last time", "Nothing"),
)
REPORT_PICTURE = (
    "Pictures inside a document are cut out and saved beside the text, and the text links to them at the place where "
    "they stood. The picture below has no words in it; a reader should leave it alone."
)
REPORT_CAPTION = "Figure 1: A picture that should arrive whole"
REPORT_END = (
    "A run that was stopped is no reason to worry. Give the same command again: finished documents are left as they "
    "are, and the others go on from the last page that was recorded."
)

CHINESE_TITLE = "文档批量处理说明"
CHINESE_SUBTITLE = "Reading documents in bulk: a short guide"
CHINESE_ENGLISH = (
    "一台扫描仪每小时可以生成上千页图像，但图像本身不能搜索，也不能复制。只有先识别出文字、表格和插图，这些页面才真正"
    "有用。",
    "A scanner makes a thousand pages an hour, yet a picture can be neither searched nor copied. Only when text, "
    "tables and figures have been recognized are the pages of real use.",
    "批量处理最怕中断。停电、磁盘写满、显卡没有响应，都可能让一夜的工作白费。好的程序会记住每一页的状态，重新启动以后"
    "只补上没有完成的部分。",
    "Interruptions are what bulk work fears most. A good program remembers the state of every page and, once started "
    "again, does only what is missing.",
    "如果某一页始终无法识别，程序应当写明原因，例如“超时”或“文件损坏”，并继续处理其余页面。2026 年的测试中，"
    "1,810 页里只有 3 页需要人工检查。",
    "If a page cannot be read at all, the reason is written down and the other pages go on. In the test of 2026, "
    "only 3 of 1,810 pages had to be looked at by a person.",
)

PHOTO_TITLE = "Reading room: house rules"
PHOTO_LINES = (
    "Please leave coats and bags in the lockers by the door. Pencils are welcome, pens are not.",
    "Take one box at a time, and keep the sheets in the order in which you found them. If a sheet is loose, tell us; "
    "do not put it back by guesswork.",
    "You may photograph documents for your own study. Hold the camera straight, use daylight, and let no shadow fall "
    "on the page: whoever reads the picture later, person or machine, will thank you.",
    "The room is open from 9:00 to 17:30, on Thursdays until 20:00.",
)

NOTICE_TITLE = "NOTICE OF COLLECTION"
NOTICE_LINES = (
    "Ref. 2026/114-B",
    "Twelve boxes of delivery notes will be collected on 14 September between 8:00 and 10:00. Please have them "
    "closed, numbered and stacked beside the lift on the ground floor.",
    "The boxes come back within ten working days. If you need a document in the meantime, call extension 4471 and "
    "name the number of its box; we send a copy on the same day.",
)
NOTICE_BACK_TITLE = "List of boxes"
NOTICE_BACK_HEAD = ((("Box", 1), ("Content", 1), ("Sheets", 1)),)
NOTICE_BACK_ROWS = (
    ("B-01 to B-04", "Delivery notes A to F", "1,930"),
    ("B-05 to B-09", "Delivery notes G to R", "2,415"),
    ("B-10 to B-12", "Delivery notes S to Z", "1,288"),
)
NOTICE_BACK_AFTER = "Received in good order: three pallets, twelve boxes, no damage seen from outside."
