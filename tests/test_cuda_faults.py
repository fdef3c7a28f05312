"""What real messages of torch, TensorRT, the driver and its bindings are taken for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from murai_show.cuda_faults import _NUMBERS, classify, first_line
from murai_show.errors import DeviceLostError, EngineError, MuraiError

HINT = "\nCUDA kernel errors might be asynchronously reported at some other API call, so the"
MESSAGES = [
    ("memory", "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …"),
    ("memory", f"CUDA error: out of memory{HINT}"),
    ("memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ("memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ("memory", "[defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of memory)"),
    ("memory", "Error Code 2: OutOfMemory (Requested size was 1073741824 bytes.)"),
    ("memory", "cuvidCreateDecoder returned error 2 (CUDA_ERROR_OUT_OF_MEMORY)"),
    ("device", f"CUDA error: an illegal memory access was encountered{HINT}"),
    ("device", "merge_sort: failed to synchronize: cudaErrorIllegalAddress: an illegal memory"),
    ("device", "CUDA error: uncorrectable ECC error encountered"),
    ("device", "CUDA error: unspecified launch failure"),
    ("device", "cuda runtime error (4) : unspecified launch failure at THCTensorCopy.cu:85"),
    ("device", "cuda runtime error (700) : an illegal memory access was encountered"),
    ("device", "CUDA error: the launch timed out and was terminated"),
    ("device", "CUDA error: device-side assert triggered"),
    ("device", "Error Code 1: Cuda Runtime (misaligned address)"),
    ("device", "CUDA error 719"),
    ("device", "CUDA_ERROR_LAUNCH_FAILED"),
    ("device", "Unable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost"),
    ("device", "CUDA error: an illegal memory access was encountered; then: out of memory"),
    ("driver", "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
    ("driver", "The NVIDIA driver on your system is too old (found version 12020)."),
    ("driver", "Torch not compiled with CUDA enabled"),
    ("driver", "No CUDA GPUs are available"),
    ("driver", "CUDA unknown error - this may be due to an incorrectly set up environment, e.g."),
    ("driver", "CUDA error: no kernel image is available for execution on the device"),
    ("driver", "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"),
    ("driver", "cudaError 35"),
    ("driver", "cuInit failed with error code 100"),
    ("driver", "Error 803: system has unsupported display driver / cuda driver combination"),
    ("other", "cudaGraphicsGLRegisterImage: cudaErrorUnknown"),
    ("other", "CUDA error: operation not permitted when stream is capturing"),
    ("other", "CUDA error: too many resources requested for launch"),
    ("other", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("other", "mat1 and mat2 shapes cannot be multiplied (2x700 and 2x3)"),
    ("other", "camera 214 lost after 700 frames"),
    ("other", ""),
]


@pytest.mark.parametrize(("fault", "text"), MESSAGES)
def test_a_message_is_taken_for(fault: str, text: str) -> None:
    assert classify(RuntimeError(text)) == fault


def test_what_is_not_cudas_is_other() -> None:
    assert classify(FileNotFoundError(2, "No such file or directory")) == "other"
    assert classify(KeyError(700)) == "other"
    assert classify(MemoryError()) == "other"  # of the host; dropping graphs does not help there


def test_torchs_own_exceptions() -> None:
    import torch

    assert classify(torch.OutOfMemoryError("Tried to allocate 1 GiB")) == "memory"
    lost = torch.AcceleratorError("CUDA error: something new")
    lost.error_code = 719  # pyright: ignore[reportAttributeAccessIssue]
    assert classify(lost) == "device"


def test_the_cause_tells_and_what_came_before_does_not() -> None:
    lost = RuntimeError("CUDA error: unspecified launch failure")
    caused, later = EngineError("the painter failed"), KeyError("nobody")
    caused.__cause__ = lost
    later.__context__ = lost
    assert classify(caused) == "device"
    assert classify(later) == "other"
    lost.__cause__ = lost  # whatever somebody does, it ends
    assert classify(lost) == "device"


def test_every_number_means_what_its_names_mean() -> None:
    """Both enumerations of the real bindings; importing them needs no driver."""
    driver = pytest.importorskip("cuda.bindings.driver", exc_type=ImportError)
    runtime = pytest.importorskip("cuda.bindings.runtime", exc_type=ImportError)
    checked = 0
    for enumeration in (runtime.cudaError_t, driver.CUresult):
        for code in enumeration:
            wanted = _NUMBERS.get(int(code), "other")
            assert classify(RuntimeError(code.name)) == wanted, code.name
            assert classify(RuntimeError("register failed", code)) == wanted, code.name
            assert classify(RuntimeError(f"CUDA error {int(code)}")) == wanted, code.name
            checked += 1
    assert checked > 200


def test_what_the_runtime_says_means_what_its_code_means() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime", exc_type=ImportError)
    for number, fault in _NUMBERS.items():
        _, said = runtime.cudaGetErrorString(runtime.cudaError_t(number))
        assert classify(RuntimeError(f"CUDA error: {said.decode()}")) == fault, said


def test_the_first_line_is_a_sentence() -> None:
    assert first_line(RuntimeError(f"\n CUDA error: out of memory.{HINT}")) == (
        "CUDA error: out of memory"
    )
    assert first_line(RuntimeError()) == "RuntimeError"


def test_a_lost_device_ends_the_process_so_that_systemd_starts_it_again() -> None:
    assert issubclass(DeviceLostError, MuraiError)
    assert DeviceLostError.exit_status == 70


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, murai_show.cuda_faults; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(ran.stdout.split()) & {"torch", "numpy", "cuda", "tensorrt"}
