"""Frames as pictures: 8 bits, grey or RGB, in PNG, JPEG, GIF or JPEG 2000.

Default presentation: modality transformation, the first window or VOI LUT, otherwise the full range of the pixels;
MONOCHROME1 inverted, palettes and YBR as RGB; overlays are not burnt in. Everything is synchronous computing for
a worker thread.

Standard: PS3.18 8.7.4, 8.3.5
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from dicom_core.dicom.annotations import annotate
from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.codecs import MAX_FRAME_BYTES, CodecError, decode, decoded_pixels
from dicom_core.dicom.colour import palette_colour, true_colour
from dicom_core.dicom.colour_profiles import with_colour_profile
from dicom_core.dicom.grayscale import grayscale
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.render_options import RenderOptions, Viewport
from dicom_core.errors import BadRequestError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["RENDERED_MEDIA_TYPES", "frame_duration", "render", "render_animation"]

RENDERED_MEDIA_TYPES = ("image/jpeg", "image/png", "image/gif", "image/jp2")

_PIXEL_SPACINGS = (0x00280030, 0x00181164, 0x00182010)  # Pixel, Imager Pixel, Nominal Scanned Pixel Spacing
_PIXEL_ASPECT_RATIO = 0x00280034
_FRAME_TIME, _DISPLAY_FRAME_RATE, _CINE_RATE = 0x00181063, 0x00082144, 0x00180040

_PNG_COMPRESSION = 1  # three times as fast as the default, for a tenth more bytes
_FULL_CHROMINANCE_FROM = 90  # from this quality on, JPEG keeps the chrominance of every pixel


def render(
    stored: bytes,
    transfer_syntax_uid: str,
    pixels: PixelModule,
    attributes: Attributes,
    options: RenderOptions,
    *,
    frame: int = 1,
    limit: int = MAX_FRAME_BYTES,
) -> bytes:
    """Render one frame, as cut from the stored file.

    Raises:
        CodecError: it cannot be decoded or shown; `limit` is that of its samples.
        BadRequestError: the viewport shows nothing of the image.
    """
    image = _image(stored, transfer_syntax_uid, pixels, attributes, options, frame, limit)
    image, profile = with_colour_profile(image, attributes, options.icc_profile)
    target = BytesIO()
    try:
        match options.media_type:
            case "image/png":
                image.save(target, "PNG", compress_level=_PNG_COMPRESSION, icc_profile=profile)
            case "image/gif":
                image.save(target, "GIF")
            case "image/jp2":
                image.save(target, "JPEG2000")
            case _:
                subsampling = "4:4:4" if options.quality >= _FULL_CHROMINANCE_FROM else "4:2:0"
                image.save(target, "JPEG", quality=options.quality, subsampling=subsampling, icc_profile=profile)
    except (OSError, ValueError) as error:  # JPEG and GIF have their limits
        raise CodecError(f"The image is too large for {options.media_type}.") from error
    return target.getvalue()


def render_animation(
    frames: Iterable[tuple[int, bytes]],
    transfer_syntax_uid: str,
    pixels: PixelModule,
    attributes: Attributes,
    options: RenderOptions,
    *,
    limit: int = MAX_FRAME_BYTES,
) -> bytes:
    """Render frames, each with its number, as one endless GIF at the frame rate of the data set.

    Raises:
        CodecError: as `render`; or there is no frame.
    """
    images = (_image(stored, transfer_syntax_uid, pixels, attributes, options, frame, limit) for frame, stored in frames)
    first = next(images, None)
    if first is None:
        raise CodecError("The pixel data has no frames.")
    target = BytesIO()
    first.save(target, "GIF", save_all=True, append_images=images, duration=frame_duration(attributes), loop=0)
    return target.getvalue()


def frame_duration(attributes: Attributes) -> int:
    """Give the milliseconds that each frame of a film is shown: from 20, which browsers can keep up with, to 10,000."""
    time = attributes.number(_FRAME_TIME)
    rate = attributes.number(_DISPLAY_FRAME_RATE) or attributes.number(_CINE_RATE)
    milliseconds = time or (1000 / rate if rate else 100)
    return round(min(max(milliseconds, 20), 10_000))


def _image(
    stored: bytes,
    transfer_syntax_uid: str,
    pixels: PixelModule,
    attributes: Attributes,
    options: RenderOptions,
    frame: int,
    limit: int,
) -> Image:
    """Decode a frame, and present it as 8-bit image of the size wanted."""
    from PIL import Image

    samples = decode(stored, transfer_syntax_uid, pixels, limit=limit)
    decoded = decoded_pixels(transfer_syntax_uid, pixels)
    if decoded.samples_per_pixel > 1:
        shown = true_colour(samples, decoded)
    elif decoded.photometric_interpretation == "PALETTE COLOR":
        shown = palette_colour(samples, decoded, attributes)
    else:
        shown = grayscale(samples, decoded, attributes, frame, options.window)
    image = Image.fromarray(shown)
    if options.viewport is not None:
        image = _fitted(image, options.viewport, _pixel_height(attributes))
    if options.annotations:
        annotate(image, attributes, options.annotations, frame if pixels.number_of_frames > 1 else None)
    return image


def _fitted(image: Image, viewport: Viewport, pixel_height: float) -> Image:
    """Show a region of an image as large as the viewport allows, in true proportions."""
    from PIL import Image

    width = viewport.width if viewport.width is not None else image.width - viewport.left
    height = viewport.height if viewport.height is not None else image.height - viewport.top
    right, bottom = min(viewport.left + abs(width), image.width), min(viewport.top + abs(height), image.height)
    if viewport.left >= right or viewport.top >= bottom:
        raise BadRequestError("The viewport parameter names a region outside of the image.")
    across, down = right - viewport.left, (bottom - viewport.top) * pixel_height
    scale = min(viewport.columns / across, viewport.rows / down)
    size = max(1, round(across * scale)), max(1, round(down * scale))
    box = (viewport.left, viewport.top, right, bottom)
    fitted = image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    if width < 0:
        fitted = fitted.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if height < 0:
        fitted = fitted.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return fitted


def _pixel_height(attributes: Attributes) -> float:
    """Give the height of a pixel in units of its width, 1 where it is unknown or absurd."""
    for tag in (*_PIXEL_SPACINGS, _PIXEL_ASPECT_RATIO):
        sizes = attributes.numbers(tag)
        if len(sizes) == 2 and sizes[0] > 0 and sizes[1] > 0:
            ratio = sizes[0] / sizes[1]
            return ratio if 1 / 16 <= ratio <= 16 else 1.0
    return 1.0
