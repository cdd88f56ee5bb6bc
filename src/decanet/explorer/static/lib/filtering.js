// Convolution and cross-correlation of one gray image. decanet.convolution.images computes the same; a test compares.

/** Distance from the first weight of a kernel to the last, along one axis. */
export function span(size, dilation) {
  return dilation * (size - 1);
}

/** Padding before an axis: half of the span; the middle of an even kernel lies where Python puts it. */
export function before(size, setting) {
  return setting.padding === "none" ? 0 : Math.floor((span(size, setting.dilation) + (setting.correlated ? 0 : 1)) / 2);
}

/** Length of a result along one axis. */
export function outputSize(pixels, size, setting) {
  const padded = pixels + (setting.padding === "none" ? 0 : span(size, setting.dilation));
  return Math.max(0, Math.floor((padded - span(size, setting.dilation) - 1) / setting.stride) + 1);
}

/** Index inside the image that a padded position shows; -1 is zero. */
function inside(at, pixels, padding) {
  if (at >= 0 && at < pixels) return at;
  if (padding === "replicate") return Math.min(pixels - 1, Math.max(0, at));
  if (padding === "circular") return ((at % pixels) + pixels) % pixels;
  if (padding === "reflect") {
    const period = 2 * (pixels - 1) || 1;
    const folded = ((at % period) + period) % period;
    return folded < pixels ? folded : period - folded;
  }
  return -1;
}

/** Values of an image with the padding that a kernel needs: {values, height, width}. */
export function pad(image, kernel, setting) {
  const [top, left] = [before(kernel.height, setting), before(kernel.width, setting)];
  const padded = setting.padding === "none" ? [0, 0] : [span(kernel.height, setting.dilation), span(kernel.width, setting.dilation)];
  const [height, width] = [image.height + padded[0], image.width + padded[1]];
  const values = new Float32Array(height * width);
  const columns = Int32Array.from({ length: width }, (_, x) => inside(x - left, image.width, setting.padding));
  for (let y = 0; y < height; y++) {
    const row = inside(y - top, image.height, setting.padding);
    if (row < 0) continue;
    for (let x = 0; x < width; x++) {
      if (columns[x] >= 0) values[y * width + x] = image.values[row * image.width + columns[x]];
    }
  }
  return { values, height, width };
}

/** The weights in the order in which they meet the image: flipped in a convolution. */
export function applied(kernel, setting) {
  return setting.correlated ? kernel.weights : Float32Array.from(kernel.weights).reverse();
}

/** Slide the kernel over the image: {values, height, width}. */
export function filter(image, kernel, setting) {
  const padded = pad(image, kernel, setting);
  const weights = applied(kernel, setting);
  const height = outputSize(image.height, kernel.height, setting);
  const width = outputSize(image.width, kernel.width, setting);
  const values = new Float32Array(height * width);
  const { stride, dilation } = setting;
  const source = new Float32Array(padded.values.length + 3 * dilation); // what weights beyond the end of a row meet
  source.set(padded.values);
  for (let i = 0; i < kernel.height; i++) {
    for (let j = 0; j < kernel.width; j += 4) { // four weights at once: half the time of one after the other
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => (j + k < kernel.width ? weights[i * kernel.width + j + k] : 0));
      if (a === 0 && b === 0 && c === 0 && d === 0) continue;
      for (let y = 0; y < height; y++) {
        let from = (y * stride + i * dilation) * padded.width + j * dilation;
        for (let to = y * width; to < (y + 1) * width; to++, from += stride) {
          values[to] += a * source[from] + b * source[from + dilation] + c * source[from + 2 * dilation] + d * source[from + 3 * dilation];
        }
      }
    }
  }
  return { values, height, width };
}

/** The patch beneath the kernel at one position of the result, its products and their sum. */
export function windowAt(image, kernel, setting, row, column) {
  const padded = pad(image, kernel, setting);
  const weights = applied(kernel, setting);
  const patch = [];
  const products = [];
  let sum = 0;
  for (let i = 0; i < kernel.height; i++) {
    const [values, made] = [[], []];
    for (let j = 0; j < kernel.width; j++) {
      const y = row * setting.stride + i * setting.dilation;
      const x = column * setting.stride + j * setting.dilation;
      const value = padded.values[y * padded.width + x];
      values.push(value);
      made.push(value * weights[i * kernel.width + j]);
      sum += made[j];
    }
    patch.push(values);
    products.push(made);
  }
  return { patch, products, sum, top: row * setting.stride - before(kernel.height, setting), left: column * setting.stride - before(kernel.width, setting) };
}

/** The absolute value that about five numbers of a thousand exceed: a border of zeros must not set the scale of an image. */
export function scaleOf(values) {
  const apart = values.length > 10000 ? 7 : 1; // a seventh of an image tells its scale, and sorts in a millisecond
  const sizes = new Float32Array(Math.ceil(values.length / apart));
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(values[i * apart]);
  sizes.sort();
  return Math.max(sizes[Math.floor(0.995 * (sizes.length - 1))] ?? 0, 1e-12);
}
