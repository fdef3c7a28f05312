"""The GLSL of the canvas.  `fragment(...)` puts together the variant that is needed and no more.

Texture row 0 is the top row of a picture everywhere, on the way in and on the way out, so nothing
is flipped until a window shows it.
"""

from __future__ import annotations

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
"""

_BILINEAR = """
vec3 sampled() {
    return textureLod(picture, at.xy / at.z, 0.0).rgb;
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
    vec2 texel = at.xy / at.z * size;
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
    vec2 s = at.xy / at.z;
    vec2 dx = (to_picture[0].xy - s * to_picture[0].z) / at.z * 0.5;
    vec2 dy = (to_picture[1].xy - s * to_picture[1].z) / at.z * 0.5;
    vec2 p = 0.5 * (dx + dy), q = 0.5 * (dx - dy);
    return 0.25 * (textureGrad(picture, s + p, dx, dy).rgb + textureGrad(picture, s - p, dx, dy).rgb
        + textureGrad(picture, s + q, dx, dy).rgb + textureGrad(picture, s - q, dx, dy).rgb);
}
"""

# Between decoding and encoding, a factor on the power part of the sRGB curve is a factor on
# (v + 0.055), so only pixels that touch the curve's straight toe, near black, pay for pow().
# The dither is interleaved gradient noise (Jimenez 2014): even, fixed in time, kind to an encoder.
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
    tone = _TONE if toned else ""
    return "\n#version 330\n" + defines + _DECLARATIONS + sample + tone + _MAIN
