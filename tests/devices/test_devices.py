from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from batchocr.devices import (
    Choice,
    Gpu,
    check_machine,
    list_gpus,
    parse_devices,
    resolve_devices,
    visible_gpus,
    worker_environment,
)
from batchocr.devices.capacity import available_memory_bytes, usable_cores
from batchocr.devices.gpus import parse_smi
from batchocr.errors import ConfigError, SetupError

GIB = 1 << 30
GPUS = tuple(Gpu(str(index), f"GPU-{letter * 4}-1", f"T{index}", 16 * GIB) for index, letter in enumerate("abc"))


def resolve(
    spec: str,
    kinds: tuple[str, ...] = ("gpu", "cpu"),
    *,
    environ: Mapping[str, str] | None = None,
    gpus: tuple[Gpu, ...] = GPUS,
    cores: int = 4,
    memory: int = 64 * GIB,
) -> Choice:
    return resolve_devices(
        spec, kinds, engine="e", environ=environ or {}, gpus=lambda: gpus, cores=lambda: cores,
        memory_bytes=lambda: memory,
    )  # fmt: skip


def names(choice: Choice) -> list[str]:
    return [device.name for device in choice.devices]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("auto", ("auto",)), ("gpu", ("gpu",)), ("gpu:0, gpu:1", ("gpu:0", "gpu:1")),
        ("gpu:0,1,3", ("gpu:0", "gpu:1", "gpu:3")),
        ("cpu", ("cpu",)), ("CPU:0,cpu:1", ("cpu:0", "cpu:1")), ("gpu:1,cpu", ("gpu:1", "cpu")), ("npu:0", ("npu:0",)),
        ("iluvatar_gpu:2", ("iluvatar_gpu:2",)),
    ],
)  # fmt: skip
def test_words_for_devices(spec: str, expected: tuple[str, ...]) -> None:
    assert parse_devices(spec) == expected


@pytest.mark.parametrize(
    "spec",
    ["", "gpu:", "cuda:0", "gpu:0,gpu:0", "cpu,cpu:0", "cpu:0,cpu", "auto,cpu", "gpu,gpu:1", "0", "gpu:-1", "tpu:0"],
)
def test_senseless_words_are_refused(spec: str) -> None:
    with pytest.raises(ConfigError, match="devices"):
        parse_devices(spec)


def test_auto_takes_all_gpus_and_says_so() -> None:
    choice = resolve("auto")
    assert names(choice) == ["gpu:0", "gpu:1", "gpu:2"]
    assert choice.note == "3 GPUs found"
    assert choice.devices[1].uuid == "GPU-bbbb-1"
    assert choice.devices[1].memory_bytes == 16 * GIB


def test_auto_takes_a_cpu_worker_for_each_core_without_gpus() -> None:
    choice = resolve("auto", gpus=())
    assert names(choice) == ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    assert choice.note == "no GPU found; 4 CPU workers (4 CPU cores)"


def test_auto_takes_no_more_cpu_workers_than_memory_allows() -> None:
    choice = resolve("auto", ("cpu",), memory=4 * GIB)
    assert names(choice) == ["cpu:0", "cpu:1"]
    assert "does not use GPUs" in choice.note
    assert "memory for 2" in choice.note
    assert names(resolve("auto", ("cpu",), memory=0)) == ["cpu:0"]


def test_auto_without_a_fitting_device_is_an_error() -> None:
    with pytest.raises(SetupError, match="no GPU is visible"):
        resolve("auto", ("gpu",), gpus=())


def test_gpu_alone_means_all() -> None:
    assert names(resolve("gpu")) == ["gpu:0", "gpu:1", "gpu:2"]


def test_missing_gpu_is_an_error_that_lists_what_is_there() -> None:
    with pytest.raises(SetupError, match=r"no device gpu:7: there is gpu:0 \(T0\), gpu:1 \(T1\), gpu:2 \(T2\)"):
        resolve("gpu:0,gpu:7")
    with pytest.raises(SetupError, match="no device gpu: no GPU is visible"):
        resolve("gpu", gpus=())


def test_engine_that_does_not_run_on_a_device_is_an_error() -> None:
    with pytest.raises(SetupError, match="Engine e does not run on gpu; it runs on: cpu"):
        resolve("cpu,gpu:0", ("cpu",))


@pytest.mark.parametrize(
    ("listed", "entries"),
    [
        ("2,0", ["2", "0"]), ("", []), ("-1", []), ("1,9,0", ["1"]), ("GPU-bb", ["GPU-bb"]), ("GPU-", []),
        ("MIG-1234,0", ["MIG-1234", "0"]), (" 1 , 2 ", ["1", "2"]),
    ],
)  # fmt: skip
def test_only_visible_gpus_count_in_their_order(listed: str, entries: list[str]) -> None:
    assert [gpu.entry for gpu in visible_gpus(GPUS, {"CUDA_VISIBLE_DEVICES": listed})] == entries


def test_worker_sees_its_entry_of_the_inherited_list_as_its_only_gpu() -> None:
    device = resolve("gpu:1", environ={"CUDA_VISIBLE_DEVICES": "2,GPU-aa"}).devices[0]
    environment = worker_environment(device, threads=3)
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-aa"
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert environment["OMP_NUM_THREADS"] == "3"
    assert (device.name, device.engine_name, device.uuid) == ("gpu:1", "gpu:0", "GPU-aaaa-1")


def test_cpu_worker_sees_no_gpu_and_other_accelerators_are_left_alone() -> None:
    cpu = resolve("cpu:1", ("cpu",)).devices[0]
    assert worker_environment(cpu, threads=0)["CUDA_VISIBLE_DEVICES"] == ""
    assert worker_environment(cpu, threads=0)["OMP_NUM_THREADS"] == "1"
    npu = resolve("npu:3", ("npu",)).devices[0]
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(npu, threads=1)
    assert (cpu.engine_name, npu.engine_name) == ("cpu", "npu:3")


def test_variables_of_the_engine_reach_its_worker_unless_the_user_has_set_them() -> None:
    wanted = {"FLAGS_allocator_strategy": "naive_best_fit", "FLAGS_use_mkldnn": "1"}
    mine = {"FLAGS_allocator_strategy": "auto_growth"}

    environment = worker_environment(resolve("cpu").devices[0], threads=1, engine=wanted, environ=mine)

    assert "FLAGS_allocator_strategy" not in environment  # so the inherited one stays
    assert environment["FLAGS_use_mkldnn"] == "1"


def test_large_blocks_of_memory_go_back_at_once_unless_the_user_has_set_it() -> None:
    cpu = resolve("cpu").devices[0]
    assert worker_environment(cpu, threads=1, environ={})["MALLOC_MMAP_THRESHOLD_"] == "4194304"
    assert "MALLOC_MMAP_THRESHOLD_" not in worker_environment(cpu, threads=1, environ={"MALLOC_MMAP_THRESHOLD_": "1"})


def test_nvidia_smi_answer_is_read() -> None:
    answer = "0, GPU-1, Tesla T4, 15360\n1, GPU-2, H100 80GB, [N/A]\nNo devices were found\n"
    assert parse_smi(answer) == (Gpu("0", "GPU-1", "Tesla T4", 15360 << 20), Gpu("1", "GPU-2", "H100 80GB", None))


def test_gpus_are_listed_without_nvml_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-1, Tesla T4, 15360'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert list_gpus() == (Gpu("0", "GPU-1", "Tesla T4", 15360 << 20),)


def test_broken_nvidia_smi_means_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert list_gpus() == ()


def test_cgroup_quota_of_any_level_limits_cores_and_memory(tmp_path: Path) -> None:
    inner = tmp_path / "fs" / "outer" / "inner"
    inner.mkdir(parents=True)
    membership = tmp_path / "cgroup"
    membership.write_text("0::/outer/inner\n")
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("50000 100000\n")
    (inner / "memory.max").write_text(f"{GIB}\n")
    (inner / "memory.current").write_text(f"{GIB - 100}\n")
    (inner / "memory.stat").write_text("anon 5\ninactive_file 28\n")
    assert usable_cores(tmp_path / "fs", membership) == 1
    assert available_memory_bytes(tmp_path / "fs", membership) == 128


def test_cgroup_version_1_limits_cores_and_memory(tmp_path: Path) -> None:
    for controller in ("cpu,cpuacct", "memory"):
        (tmp_path / controller / "box").mkdir(parents=True)
    membership = tmp_path / "cgroup"
    membership.write_text("5:memory:/box\n3:cpu,cpuacct:/box\n1:name=systemd:/box\n")
    (tmp_path / "cpu,cpuacct" / "box" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu,cpuacct" / "box" / "cpu.cfs_period_us").write_text("100000")
    (tmp_path / "memory" / "box" / "memory.limit_in_bytes").write_text("3000")
    (tmp_path / "memory" / "box" / "memory.usage_in_bytes").write_text("1000")
    assert usable_cores(tmp_path, membership) == 1
    assert available_memory_bytes(tmp_path, membership) == 2000


def test_without_cgroups_the_machine_decides(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "none") >= 1
    assert available_memory_bytes(tmp_path, tmp_path / "none") > 0


def test_checkup_of_a_healthy_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    findings = {finding.name: finding for finding in check_machine(tmp_path / "a" / "b", {})}
    assert findings["output"].state == "ok"
    assert str(tmp_path) in findings["output"].message
    assert list(tmp_path.iterdir()) == []
    assert {"python", "cpu", "memory", "gpu", "open files", "disk"} <= set(findings)


def test_checkup_finds_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    findings = {finding.name: finding for finding in check_machine(tmp_path / "file", {})}
    assert findings["output"].state == "problem"
    assert "-o" in findings["output"].remedy
