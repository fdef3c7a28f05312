"""A TensorRT that writes down what is asked of it, and fails where it is told to.

`test_tensorrt.py` compares every method's name and parameters with the real bindings.
"""

from __future__ import annotations

from typing import Any


class Severity:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class ILogger:
    Severity = Severity

    def __init__(self) -> None: ...

    def log(self, severity: int, msg: str) -> None: ...


CALLS: list[tuple[Any, ...]] = []
FAILS: dict[str, str] = {}  # what fails, and what TensorRT would log
LOGGERS: list[ILogger] = []


def did(what: str, *args: Any, good: Any = True, bad: Any = False) -> Any:
    CALLS.append((what, *args))
    if what not in FAILS:
        return good
    LOGGERS[-1].log(Severity.ERROR, FAILS[what])
    return bad


class ITimingCache:
    def serialize(self) -> bytearray:
        return bytearray(b"timings")


class IOptimizationProfile:
    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: A002
        did("set_shape", input, min, opt, max)


class IBuilderConfig:
    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        did("create_timing_cache", serialized_timing_cache)
        return ITimingCache()

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        return did("set_timing_cache", ignore_mismatch)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        return did("add_optimization_profile", good=0, bad=-1)


class INetworkDefinition: ...


class ParserError:
    def desc(self) -> str:
        return "unsupported node"


class OnnxParser:
    num_errors = 1

    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        assert isinstance(network, INetworkDefinition)

    def parse(self, model: bytes) -> bool:
        return did("parse", bytes(model))

    def get_error(self, index: int) -> ParserError:
        return ParserError()


class Builder:
    def __init__(self, logger: ILogger) -> None:
        LOGGERS.append(logger)
        if not did("Builder"):
            raise TypeError("pybind11::init(): factory function returned nullptr")

    def create_network(self, flags: int = 7) -> INetworkDefinition:
        did("create_network", flags)
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> bytearray | None:
        return did("build_serialized_network", good=bytearray(b"plan"), bad=None)


class IExecutionContext:
    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        return did("set_input_shape", name, shape)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert memory
        return did("set_tensor_address", name)

    def infer_shapes(self) -> list[str]:
        return did("infer_shapes", good=[], bad=["style"])

    def execute_async_v3(self, stream_handle: int) -> bool:
        return did("execute_async_v3", stream_handle)


class ICudaEngine:
    def create_execution_context(self) -> IExecutionContext | None:
        return did("create_execution_context", good=IExecutionContext(), bad=None)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        LOGGERS.append(logger)

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        return did("deserialize_cuda_engine", serialized_engine, good=ICudaEngine(), bad=None)


FAKES = (
    ITimingCache,
    IOptimizationProfile,
    IBuilderConfig,
    INetworkDefinition,
    ParserError,
    OnnxParser,
    Builder,
    IExecutionContext,
    ICudaEngine,
    Runtime,
    ILogger,
)


def names() -> list[str]:
    return [call[0] for call in CALLS]
