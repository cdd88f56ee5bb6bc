// Signals and their convolution: directly, by the fast Fourier transform, and by recursion.
// decanet.convolution.signals and .sound_convolution compute the same; a test compares.

/** Full convolution by its definition: y[n] is the sum of x[k] h[n - k]. */
export function direct(x, h) {
  const y = new Float64Array(x.length + h.length - 1);
  for (let k = 0; k < x.length; k++) {
    if (x[k] === 0) continue;
    for (let i = 0; i < h.length; i++) y[k + i] += x[k] * h[i];
  }
  return y;
}

/** Full convolution as a product of spectra. */
export function byFft(x, h) {
  const length = x.length + h.length - 1;
  const size = 2 ** Math.ceil(Math.log2(length));
  const [a, b] = [spectrum(x, size), spectrum(h, size)];
  for (let k = 0; k < size; k++) {
    const real = a.real[k] * b.real[k] - a.imaginary[k] * b.imaginary[k];
    a.imaginary[k] = a.real[k] * b.imaginary[k] + a.imaginary[k] * b.real[k];
    a.real[k] = real;
  }
  transform(a.real, a.imaginary, true);
  return a.real.slice(0, length);
}

function spectrum(x, size) {
  const real = new Float64Array(size);
  real.set(x);
  const imaginary = new Float64Array(size);
  transform(real, imaginary, false);
  return { real, imaginary };
}

/** Fast Fourier transform in place (Cooley and Tukey); the length is a power of 2. */
function transform(real, imaginary, isInverse) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) { // bit reversal
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let length = 2; length <= n; length *= 2) {
    const angle = ((isInverse ? 2 : -2) * Math.PI) / length;
    for (let k = 0; k < length / 2; k++) {
      const [c, d] = [Math.cos(angle * k), Math.sin(angle * k)];
      for (let start = k; start < n; start += length) {
        const far = start + length / 2;
        const re = real[far] * c - imaginary[far] * d;
        const im = real[far] * d + imaginary[far] * c;
        real[far] = real[start] - re;
        imaginary[far] = imaginary[start] - im;
        real[start] += re;
        imaginary[start] += im;
      }
    }
  }
  if (isInverse) for (let k = 0; k < n; k++) { real[k] /= n; imaginary[k] /= n; }
}

/** Convolution with h[n] = exp(-alpha n), n < taps, from the value before: y[n] = x[n] + exp(-alpha) y[n-1] - exp(-alpha taps) x[n-taps]. */
export function byRecursion(x, alpha, taps) {
  const y = new Float64Array(x.length + taps - 1);
  const [keep, drop] = [Math.exp(-alpha), Math.exp(-alpha * taps)];
  let value = 0;
  for (let n = 0; n < y.length; n++) {
    value = (x[n] ?? 0) + keep * value - drop * (x[n - taps] ?? 0);
    y[n] = value;
  }
  return y;
}

/** Samples of the exponential decay exp(-alpha n). */
export function decay(alpha, taps) {
  return Float64Array.from({ length: taps }, (_, n) => Math.exp(-alpha * n));
}

/** Samples of an echo: the sound itself, and weaker repetitions after `delay` samples each. */
export function echo(delay, strength, repeats) {
  const h = new Float64Array(delay * repeats + 1);
  for (let k = 0; k <= repeats; k++) h[k * delay] = strength ** k;
  return h;
}

/** Largest absolute difference of two signals. */
export function largestError(a, b) {
  let most = 0;
  for (let n = 0; n < Math.max(a.length, b.length); n++) most = Math.max(most, Math.abs((a[n] ?? 0) - (b[n] ?? 0)));
  return most;
}
