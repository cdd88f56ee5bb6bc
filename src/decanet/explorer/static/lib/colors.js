// Colors of values. Zero is the color of the paper, so that what is quiet recedes in light and in dark pages.

const NEGATIVE = { light: [0, 90, 170], dark: [90, 180, 255] };
const POSITIVE = { light: [190, 75, 0], dark: [255, 165, 70] };
const ZERO = { light: [250, 249, 246], dark: [22, 25, 30] };

/** Whether the page is dark. */
export function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Red, green and blue of a value from -1 (blue) over 0 (paper) to 1 (orange). */
export function diverging(value) {
  const theme = isDark() ? "dark" : "light";
  const end = value < 0 ? NEGATIVE[theme] : POSITIVE[theme];
  const part = Math.min(1, Math.abs(value)) ** 0.7;
  return ZERO[theme].map((zero, i) => Math.round(zero + (end[i] - zero) * part));
}

/** Background and ink of a cell for a value from -1 to 1. */
export function cellColors(value) {
  const color = diverging(value);
  return [`rgb(${color})`, inkOn(color)];
}

/** Black or white, whichever has the greater contrast on a color (WCAG 2, relative luminance). */
export function inkOn(color) {
  const [red, green, blue] = color.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

/** A table of 256 colors for bytes, where 128 is zero. */
export function palette() {
  const colors = new Uint8ClampedArray(256 * 4);
  for (let byte = 0; byte < 256; byte++) {
    colors.set([...diverging((byte - 127.5) / 127.5), 255], byte * 4);
  }
  return colors;
}

/** Paint bytes of one map (height x width) into an ImageData of that size. */
export function paintBytes(bytes, height, width, colors = palette()) {
  const image = new ImageData(width, height);
  const [pixels, of] = [new Uint32Array(image.data.buffer), new Uint32Array(colors.buffer)]; // four bytes at once
  for (let i = 0; i < pixels.length; i++) pixels[i] = of[bytes[i]];
  return image;
}

/** Bytes of values, where the largest absolute value is 0 or 255. */
export function toBytes(values, largest) {
  const scale = 127.5 / (largest || 1);
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = values[i] * scale + 127.5;
  return bytes;
}

/** An ImageData of pixels (height, width, 3). */
export function paintPixels(pixels, height, width) {
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[3 * i + c];
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** An ImageData of gray bytes. */
export function paintGray(gray, height, width) {
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    image.data.fill(gray[i], 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** A canvas of an ImageData, to be scaled by drawImage or by its style. */
export function canvasOf(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
