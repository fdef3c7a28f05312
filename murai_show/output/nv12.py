"""NV12: a canvas as video encoders take it, drawn by OpenGL into a texture of its codes.

Its rows are those of the luma, then half as many of the chroma, Cb and Cr in turn, each pair the
mean of two by two pixels.  Colours and range are those of `movie.ToYuv`, which works the same out
on the CPU.
"""

from __future__ import annotations

import moderngl
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from murai_show.output.movie import colours_of, even_size
from murai_show.show.words import Size

# Shares of red and blue in luma: ITU-R BT.709-6 and BT.601-7, items 3.2 and 2.5.1.
_SHARES = {Colorspace.ITU709: (0.2126, 0.0722), Colorspace.SMPTE170M: (0.299, 0.114)}
_LUMA, _CHROMA = 219 / 255, 224 / 255  # of the codes: limited range

_VERTEX = """
#version 330

void main() {
    vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
"""

_FRAGMENT = """
#version 330
uniform sampler2D picture;
uniform int lines;  // of the luma
uniform vec3 luma;
uniform vec3 cb;
uniform vec3 cr;
out float code;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    if (here.y < lines) {
        code = 16.0 / 255.0 + dot(luma, texelFetch(picture, here, 0).rgb);
        return;
    }
    ivec2 at = ivec2(here.x & ~1, 2 * (here.y - lines));
    vec3 sum = texelFetch(picture, at, 0).rgb + texelFetch(picture, at + ivec2(1, 0), 0).rgb
        + texelFetch(picture, at + ivec2(0, 1), 0).rgb
        + texelFetch(picture, at + ivec2(1, 1), 0).rgb;
    code = 128.0 / 255.0 + 0.25 * dot((here.x & 1) == 0 ? cb : cr, sum);
}
"""


class Nv12:
    """Draws canvases of `size` as NV12; an odd row or column is left away.

    `texture` has one byte a texel, the luma's width and 3/2 of its lines, row 0 on top.  `size`
    becomes the even one.  Its context must be current in every call.
    """

    def __init__(self, ctx: moderngl.Context, size: Size) -> None:
        self.size = even_size(size)
        width, lines = self.size
        self.texture = ctx.texture((width, lines * 3 // 2), 1, alignment=1)
        self._fbo = ctx.framebuffer([self.texture])
        self._program = ctx.program(_VERTEX, _FRAGMENT)
        self._array = ctx.vertex_array(self._program, [])
        luma, cb, cr = weights(self.size)
        self._program["lines"] = lines
        self._program["luma"], self._program["cb"], self._program["cr"] = luma, cb, cr

    def draw(self, canvas: moderngl.Texture) -> None:
        """Draw `canvas`, RGBA8 of at least `size`, row 0 on top."""
        self._fbo.use()
        canvas.use(0)
        self._array.render(vertices=3)

    def read(self) -> NDArray[np.uint8]:
        """What was drawn: (3/2 height, width), uint8."""
        width, lines = self.size
        codes = np.empty((lines * 3 // 2, width), np.uint8)
        self._fbo.read_into(codes, components=1, alignment=1)
        return codes

    def close(self) -> None:
        """Free what lies in the context.  Safe to call twice."""
        for held in (self._array, self._program, self._fbo, self.texture):
            held.release()


def weights(size: Size) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """What R, G and B weigh in Y, Cb and Cr of a picture of `size`, codes and colours from 0 to 1.

    BT.709 and BT.601 alike: Cb is the distance of blue from luma and Cr that of red, each scaled to
    the range of its codes.
    """
    red, blue = _SHARES[colours_of(size).matrix]
    luma = np.array([red, 1.0 - red - blue, blue])
    cb = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 * (1.0 - blue))
    cr = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 * (1.0 - red))
    return tuple(_LUMA * luma), tuple(_CHROMA * cb), tuple(_CHROMA * cr)
