"""The GLSL of the canvas.  `fragment(...)` puts together the variant that is needed and no more.

Texture row 0 is the top row of a picture everywhere, on the way in and on the way out, so nothing
is flipped until a window shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

# All that is linear in the pixel's place is left to the rasteriser, which interpolates it exactly:
# on llvmpipe this halves the draw, compared with a matrix product in every pixel.
CANVAS_VERTEX = """
#version 330
uniform vec2 canvas;      // pixels
uniform mat3 to_picture;  // canvas pixels -> picture 0..1, homogeneous
uniform mat4x3 edges;     // canvas pixels -> distance to the four edges, in pixels
noperspective out vec3 at;
noperspective out vec4 inside;

void main() {
    vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    vec3 pixel = vec3(corner * canvas, 1.0);
    at = to_picture * pixel;
    inside = pixel * edges;
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
"""

_DECLARATIONS = """
uniform sampler2D picture;
uniform mat3 to_picture;
uniform float factor;   // brightness and light, in linear light
uniform float gain;     // factor ^ (1 / 2.4)
uniform float lift;     // 1 / gamma
noperspective in vec3 at;
noperspective in vec4 inside;
out vec4 colour;

vec2 place() {
    return at.xy / at.z;
}
"""

_BILINEAR = """
vec3 sampled() {
    return textureLod(picture, place(), 0.0).rgb;
}
"""

# Catmull-Rom in five bilinear taps; the four corner taps of the nine weigh next to nothing and are
# made up for by normalising.
_CUBIC = """
vec3 tap(float x, float y) {
    return textureLod(picture, vec2(x, y), 0.0).rgb;
}

vec3 sampled() {
    vec2 size = vec2(textureSize(picture, 0));
    vec2 texel = place() * size;
    vec2 centre = floor(texel - 0.5) + 0.5;
    vec2 f = texel - centre;
    vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    vec2 w1 = 1.0 + f * f * (1.5 * f - 2.5);
    vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    vec2 w3 = f * f * (0.5 * f - 0.5);
    vec2 w = w1 + w2;
    vec2 a = (centre - 1.0) / size, b = (centre + w2 / w) / size, c = (centre + 2.0) / size;
    vec3 sum = w.x * w.y * tap(b.x, b.y)
        + w.x * (w0.y * tap(b.x, a.y) + w3.y * tap(b.x, c.y))
        + w.y * (w0.x * tap(a.x, b.y) + w3.x * tap(c.x, b.y));
    return clamp(sum / (w.x * w.y + w.x * (w0.y + w3.y) + w.y * (w0.x + w3.x)), 0.0, 1.0);
}
"""

# Four trilinear samples in one pixel, each over a quarter of it: as sharp as the canvas can be, and
# calm when the picture moves.  The derivatives are the map's own, exact, not differences.
_MINIFIED = """
vec3 sampled() {
    vec2 s = place();
#ifdef CELLS
    vec2 dx = dFdx(s) * 0.5, dy = dFdy(s) * 0.5;
#else
    vec2 dx = (to_picture[0].xy - s * to_picture[0].z) / at.z * 0.5;
    vec2 dy = (to_picture[1].xy - s * to_picture[1].z) / at.z * 0.5;
#endif
    vec2 p = 0.5 * (dx + dy), q = 0.5 * (dx - dy);
    return 0.25 * (textureGrad(picture, s + p, dx, dy).rgb + textureGrad(picture, s - p, dx, dy).rgb
        + textureGrad(picture, s + q, dx, dy).rgb + textureGrad(picture, s - q, dx, dy).rgb);
}
"""

# Between decoding and encoding, a factor on the power part of the sRGB curve is a factor on
# (v + 0.055), so only pixels that touch the curve's straight toe, near black, pay for pow().
_TONE = """
const float TOE = 0.04045;

vec3 decoded(vec3 v) {
    return mix(v / 12.92, pow((v + 0.055) / 1.055, vec3(2.4)), greaterThan(v, vec3(TOE)));
}

vec3 encoded(vec3 v) {
    vec3 power = 1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055;
    return mix(v * 12.92, power, greaterThan(v, vec3(TOE / 12.92)));
}

vec3 toned(vec3 v) {
#ifdef GAMMA
    v = pow(v, vec3(lift));
#endif
    vec3 power = gain * (v + 0.055) - 0.055;
    if (any(lessThan(min(v, power), vec3(TOE)))) power = encoded(factor * decoded(v));
    return clamp(power, 0.0, 1.0);
}
"""

# Interleaved gradient noise (Jimenez 2014): even, fixed in time, kind to an encoder.
_DITHER = """
vec3 dithered(vec3 v) {
    float noise = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
    return v + (noise - 0.5) * 0.998 / 255.0;
}
"""

# The last pixel of an edge is partly picture: its share is of light, hence the 2.2.
_MAIN = """
void main() {
    vec2 near = min(inside.xy, inside.zw);
    float cover = min(near.x, near.y) + 0.5;
    vec3 v = vec3(0.0);
    if (cover > 0.0) {
        v = sampled();
#ifdef TONED
        v = toned(v);
#endif
        if (cover < 1.0) v *= pow(cover, 1.0 / 2.2);
#ifdef TONED
        v = dithered(v);
#endif
    }
    colour = vec4(v, 1.0);
}
"""

WINDOW_VERTEX = """
#version 330
out vec2 at;

void main() {
    vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    at = vec2(corner.x, 1.0 - corner.y);  // OpenGL's windows begin at the bottom
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
"""

WINDOW_FRAGMENT = """
#version 330
uniform sampler2D canvas;
in vec2 at;
out vec4 colour;

void main() {
    colour = vec4(texture(canvas, at).rgb, 1.0);
}
"""


def fragment(*, minified: bool, cubic: bool, toned: bool, gamma: bool) -> str:
    """The canvas's fragment shader.

    `minified` averages a picture that is larger than its place, `cubic` magnifies by Catmull-Rom
    instead of bilinearly, `toned` applies brightness and light, `gamma` the mid-tones as well.
    """
    sample = _MINIFIED if minified else _CUBIC if cubic else _BILINEAR
    defines = f"{'#define TONED' if toned else ''}\n{'#define GAMMA' if gamma else ''}\n"
    tone = _TONE + _DITHER if toned else ""
    return "\n#version 330\n" + defines + _DECLARATIONS + sample + tone + _MAIN


# --- projectors -----------------------------------------------------------------------------------

# The pin's own perspective goes into w, and the rasteriser does the rest: exact for an even grid.
PROJECTOR_VERTEX = """
#version 330
uniform vec2 canvas;      // pixels
uniform mat3 to_picture;  // pin 0..1 -> picture 0..1
uniform mat4x3 edges;     // pin 0..1 -> distance to the four edges of the picture
uniform mat3 pin;         // pin 0..1 -> canvas pixels, homogeneous
in vec2 even;             // where a point is on the pin
in vec2 landed;           // where a mesh has put it
out vec2 at;
out vec4 inside;

void main() {
    vec3 point = vec3(even, 1.0);
    at = (to_picture * point).xy;
    inside = point * edges;
    vec3 pixel = pin * vec3(landed, 1.0);
    gl_Position = vec4(pixel.xy / canvas * 2.0 - pixel.z, 0.0, pixel.z);
}
"""

# A projector makes signal ^ gamma of light, so a factor in light is a factor on the signal, and
# only where black is lifted does a pixel pay for pow().  Clamped before the share: where a picture
# is too bright for the projector it must be so in the overlap too, or that would shine.
_PROJECTOR = """
uniform sampler2D picture;
uniform sampler2D light;   // blend.light_map: share ^ (1 / projector), then the lift
uniform vec3 tint;         // (brightness * light * gains) ^ (1 / projector)
uniform vec3 room;         // for the picture where black is lifted, in linear light
uniform float projector;   // its gamma
uniform float lift;        // 1 / gamma of the mid-tones
in vec2 at;
in vec4 inside;
out vec4 colour;

vec2 place() {
    return at;
}

float covered() {
    vec4 x = dFdx(inside), y = dFdy(inside);
    vec4 pixels = inside * inversesqrt(max(x * x + y * y, 1e-12));
    vec2 near = min(pixels.xy, pixels.zw);
    return clamp(min(near.x, near.y) + 0.5, 0.0, 1.0);
}
"""

_PROJECTOR_MAIN = """
void main() {
#ifdef MAPPED
    vec4 here = texelFetch(light, ivec2(gl_FragCoord.xy), 0);
    if (here.r <= 0.0) {  // behind a mask
        colour = vec4(0.0, 0.0, 0.0, 1.0);
        return;
    }
#endif
    vec3 v = sampled();
#ifdef BARS
    v *= pow(covered(), 1.0 / 2.2);
#endif
#ifdef GAMMA
    v = pow(v, vec3(lift));
#endif
#ifdef TONED
    v = min(v * tint, 1.0);
#endif
#ifdef MAPPED
#ifdef LIFTED
    v = pow(room * pow(v, vec3(projector)) + here.gba, vec3(1.0 / projector));
#endif
    v *= here.r;
#endif
#if defined(TONED) || defined(MAPPED)
    v = dithered(v);
#endif
    colour = vec4(v, 1.0);
}
"""

# Where a pixel lies on the surface, 0..1, and how much of it is covered.
WHERE = (
    "\n#version 330\n"
    + _PROJECTOR
    + """
void main() {
    colour = vec4(at, covered(), 1.0);
}
"""
)


@dataclass(frozen=True)
class ProjectorVariant:
    """Which shader cells of a projector need, and no more.

    `minified`, `cubic` and `gamma` as for `fragment`; `toned` applies brightness, light and gains;
    `mapped` the light map, `lifted` with lifted black; `bars` are beside a picture that does not
    fill its surface.
    """

    minified: bool
    cubic: bool
    toned: bool
    gamma: bool
    mapped: bool
    lifted: bool
    bars: bool


def projector(variant: ProjectorVariant) -> str:
    """The fragment shader of a projector's cells."""
    flags = {
        "CELLS": True,
        "TONED": variant.toned,
        "GAMMA": variant.gamma,
        "MAPPED": variant.mapped,
        "LIFTED": variant.lifted,
        "BARS": variant.bars,
    }
    defines = "".join(f"#define {name}\n" for name, on in flags.items() if on)
    sample = _MINIFIED if variant.minified else _CUBIC if variant.cubic else _BILINEAR
    return "\n#version 330\n" + defines + _PROJECTOR + sample + _DITHER + _PROJECTOR_MAIN


# --- captions -------------------------------------------------------------------------------------

CAPTION_VERTEX = """
#version 330
uniform vec2 canvas;      // pixels
uniform mat3 pin;         // pin 0..1 -> canvas pixels, homogeneous
uniform mat3 to_caption;  // pin 0..1 -> caption 0..1
in vec2 even;
in vec2 landed;
out vec2 at;
out vec2 pinned;

void main() {
    at = (to_caption * vec3(even, 1.0)).xy;
    pinned = even;
    vec3 pixel = pin * vec3(landed, 1.0);
    gl_Position = vec4(pixel.xy / canvas * 2.0 - pixel.z, 0.0, pixel.z);
}
"""

# What is worked out in light, once, for each pixel of the letters (`lettering.mixing`) is mixed
# here in signals.  A projector shares it as it shares the picture, so an overlap stays even under
# it; a shade dims lifted black with the rest.
_CAPTION = """
uniform sampler2D letters;  // signal of the writing, and how much of the ground's it takes
uniform sampler2D light;    // of a projector: share ^ (1 / its gamma)
uniform float opacity;
in vec2 at;
in vec2 pinned;
out vec4 colour;

void main() {
#ifdef LIT
    if (any(lessThan(at, vec2(0.0))) || any(greaterThan(at, vec2(1.0)))) discard;
#endif
    float part = opacity;
#ifdef CUT
    vec2 rim = min(pinned, 1.0 - pinned) / max(fwidth(pinned), 1e-9);
    part *= clamp(min(rim.x, rim.y) + 0.5, 0.0, 1.0);
#endif
    colour = textureLod(letters, at, 0.0) * part;
#ifdef LIT
    colour.rgb *= texelFetch(light, ivec2(gl_FragCoord.xy), 0).r;
    // Eight bits would make steps where overlaps rise and fall; not the noise of the ground again.
    float noise = fract(52.9829189 * fract(dot(gl_FragCoord.yx, vec2(0.06711056, 0.00583715))));
    if (colour.a > 0.0) colour.a = clamp(colour.a + (noise - 0.5) / 255.0, 0.0, 1.0);
#endif
}
"""


def caption(*, lit: bool, cut: bool) -> str:
    """The fragment shader of captions; `lit` by a projector's light map, `cut` at the rim of the
    pin, beyond which they go on elsewhere."""
    flags = {"LIT": lit, "CUT": cut}
    defines = "".join(f"#define {name}\n" for name, on in flags.items() if on)
    return "\n#version 330\n" + defines + _CAPTION
