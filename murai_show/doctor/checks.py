"""Every check, in the order in which it is told."""

from __future__ import annotations

from murai_show.doctor import (
    access,
    clock,
    drawing,
    filming,
    machine,
    painting,
    program,
    service,
    storage,
)
from murai_show.doctor.verdict import Case, Check

_SLOW = 12.0  # seconds for what starts a GPU or loads PyTorch


def checks_for(case: Case) -> list[Check]:
    """Those of any machine, and those that the show of `case` adds."""
    nvidia = painting.has_driver()  # without one there is nothing more to ask
    return [
        Check("Program", "program", program.python),
        Check("Program", "packages", program.packages),
        Check("Program", "extras", program.extras),
        Check("Painting", "GPU", painting.gpu, apart=True),
        *([Check("Painting", "TensorRT", painting.tensorrt, _SLOW, apart=True)] if nvidia else []),
        Check("Painting", "OpenVINO", painting.openvino, _SLOW, apart=True),
        Check("Painting", "processor", painting.processor),
        Check("Drawing", "OpenGL", drawing.opengl, _SLOW, apart=True),
        *(
            [Check("Drawing", "CUDA to OpenGL", drawing.interop, _SLOW, apart=True)]
            if nvidia
            else []
        ),
        Check("Drawing", "displays", drawing.displays, apart=True),
        *([Check("Drawing", "NVENC", painting.nvenc, _SLOW, apart=True)] if nvidia else []),
        Check("Drawing", "virtual cameras", drawing.virtual_cameras),
        Check("Cameras", "USB cameras", filming.devices, apart=True),
        *([Check("Cameras", "NVDEC", painting.nvdec, 2 * _SLOW, apart=True)] if nvidia else []),
        *filming.of_the_show(case),
        Check("Disk", "room", storage.room),
        Check("Disk", "write rights", storage.rights),
        Check("Machine", "clock", clock.clock),
        Check("Machine", "time zone", clock.zone),
        Check("Machine", "memory", machine.memory),
        Check("Machine", "load", machine.load),
        Check("Machine", "processor's speed", machine.governor),
        Check("Machine", "heat", machine.heat),
        Check("Network", "ports", access.ports),
        *access.streams(case),
        Check("Secrets", "secrets", access.credentials),
        Check("Service", "service", service.unit),
        Check("Service", "journal", service.journal),
    ]
