"""The frame loop: newest frame, look, paint, present."""
