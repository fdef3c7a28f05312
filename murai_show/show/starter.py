"""The show that `murai-show new` writes."""

from __future__ import annotations

from murai_show.show.words import parse_name

_STARTER = """\
# yaml-language-server: $schema=murai-show.schema.json
murai: 1

# See it:    murai-show run @NAME@.yaml --for 20s     (the film is in recordings/)
# Check it:  murai-show check @NAME@.yaml             (says all that is wrong, and where)
# Help while writing:  murai-show schema > murai-show.schema.json
show: @NAME@
title: @NAME@

cameras:
  # Photographs, filmed by a virtual camera: runs anywhere.
  hall:
    kind: still
    photos: demo # or a folder of yours: photos: pictures/
  # A webcam instead:
  #   kind: v4l2
  #   device: /dev/video0
  # A network camera; its password stays in the environment:
  #   kind: stream
  #   url: rtsp://guard:${CAM_PASSWORD}@10.0.0.7/main

# Which styles there are:  murai-show styles first
bank: first

playlists:
  evening:
    styles:
      - wave
      - starry
      - { kandinsky: 0.7, delaunay: 0.3 } # a mix
    each: 8s
    fade: 2s
    order: listed # or shuffle

play: evening

outputs:
  wall:
    kind: offscreen # at the wall: display
    size: 1280x720
    # Where the picture's corners land, 0 to 1 across the output, from its top left:
    corners:
      top_left: [0.02, 0.03]
      top_right: [0.98, 0.01]
      bottom_right: [0.97, 0.98]
      bottom_left: [0.01, 0.96]

  film:
    kind: recording
    of: wall # exactly what the wall shows
"""


def starter(name: str) -> str:
    """A commented show called `name` that runs anywhere.  Raises ValueError when `name` is none."""
    return _STARTER.replace("@NAME@", parse_name(name))
