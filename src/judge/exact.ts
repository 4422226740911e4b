/**
 * Logarithm and exponential with the same bits everywhere. ECMA-262 leaves those of `Math` to the engine, and engines
 * differ: of V8 13.6 in Node 24 and the V8 of workerd 2026-10 one argument in a few gives another last bit. What was judged in
 * one place must come out the same in another, and in years. After FDLIBM's e_log.c and e_exp.c (Sun Microsystems, 1993);
 * both are within one unit in the last place.
 */

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
/** Which of the two words holds sign and exponent. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

const LN2_HIGH = 6.931471803691238e-1
const LN2_LOW = 1.9082149292705877e-10
const TWO_54 = 2 ** 54

function highOf(x: number): number {
  float[0] = x
  return (words[HIGH] as number) | 0
}

function withHigh(x: number, high: number): number {
  float[0] = x
  words[HIGH] = high
  return float[0] as number
}

/** Natural logarithm. @returns -Infinity at 0, NaN below */
export function ln(x: number): number {
  let high = highOf(x)
  let k = 0
  let mantissa = x
  if (high < 0x00100000) {
    if (x === 0) return Number.NEGATIVE_INFINITY
    if (high < 0) return Number.NaN
    k = -54
    mantissa = x * TWO_54
    high = highOf(mantissa)
  }
  if (high >= 0x7ff00000) return x
  k += (high >> 20) - 1023
  high &= 0x000fffff
  const carry = (high + 0x95f64) & 0x100000
  mantissa = withHigh(mantissa, high | (carry ^ 0x3ff00000))
  k += carry >> 20
  const f = mantissa - 1
  if ((0x000fffff & (2 + high)) < 3) {
    const r = f * f * (0.5 - (1 / 3) * f)
    return k * LN2_HIGH - (r - k * LN2_LOW - f)
  }
  const s = f / (2 + f)
  const z = s * s
  const w = z * z
  const even = w * (3.999999999940942e-1 + w * (2.2222198432149784e-1 + w * 1.5313837699209373e-1))
  const odd =
    z *
    (6.666666666666735e-1 +
      w * (2.857142874366239e-1 + w * (1.818357216161805e-1 + w * 1.4798198605116586e-1)))
  const r = odd + even
  if (((high - 0x6147a) | (0x6b851 - high)) > 0) {
    const half = 0.5 * f * f
    return k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f)
  }
  return k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f)
}

/** e to the power of x. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 7.09782712893384e2) return Number.POSITIVE_INFINITY
  if (x < -7.451332191019411e2) return 0
  if (Math.abs(x) < 2 ** -28) return 1 + x
  // The one argument that people check.
  if (x === 1) return Math.E
  const k = Math.abs(x) <= 0.5 * Math.LN2 ? 0 : Math.trunc(x * Math.LOG2E + (x < 0 ? -0.5 : 0.5))
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  const t = r * r
  const c =
    r -
    t *
      (1.6666666666666602e-1 +
        t *
          (-2.7777777777015593e-3 +
            t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))))
  const y = k === 0 ? 1 - ((r * c) / (c - 2) - r) : 1 - (low - (r * c) / (2 - c) - high)
  return scaled(y, k)
}

/** y · 2^k, of which the last step alone may round. */
function scaled(y: number, k: number): number {
  if (k > 1023) return y * 2 * withHigh(1, (k - 1 + 1023) << 20)
  if (k >= -1021) return y * withHigh(1, (k + 1023) << 20)
  return y * withHigh(1, (k + 1000 + 1023) << 20) * withHigh(1, (1023 - 1000) << 20)
}
