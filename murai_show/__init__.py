"""murai-show: cameras film a crowd, a network repaints every frame, projectors throw it on a wall."""

__version__ = "0.1.0"
