"""murai-show: cameras film a crowd, a network repaints it, projectors throw it on a wall."""

__version__ = "0.1.0"
