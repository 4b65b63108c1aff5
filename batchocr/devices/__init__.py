"""Devices: which there are, what the user's words mean, and a worker's environment. Imports no engine, opens no GPU."""

from __future__ import annotations

from batchocr.devices.capacity import available_memory_bytes, usable_cores
from batchocr.devices.checkup import Finding, check_machine
from batchocr.devices.environment import worker_environment
from batchocr.devices.gpus import Gpu, GpuMeter, list_gpus, visible_gpus
from batchocr.devices.resolve import KINDS, Choice, Device, parse_devices, resolve_devices

__all__ = [
    "KINDS",
    "Choice",
    "Device",
    "Finding",
    "Gpu",
    "GpuMeter",
    "available_memory_bytes",
    "check_machine",
    "list_gpus",
    "parse_devices",
    "resolve_devices",
    "usable_cores",
    "visible_gpus",
    "worker_environment",
]
