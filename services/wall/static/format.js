// Numbers and moments as Việt Nam writes them. Pure; whole numbers in, text out.

const UTC_OFFSET_MS = 7 * 3600 * 1000; // Asia/Ho_Chi_Minh, without daylight saving since 1975
const WEEKDAYS = ["Chủ Nhật", "Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy"];

/** 5398 -> "5.398" */
export function whole(n) {
  return (n < 0 ? "−" : "") + String(Math.abs(n)).replace(/\B(?=(\d{3})+$)/g, ".");
}

/** Whole up to a million, then in millions: a tile is only so wide. 12422633 -> "12,42 tr." */
export function short(n) {
  if (Math.abs(n) < 1e6) return whole(n);
  const hundredths = Math.round(n / 1e4);
  const decimals = String(Math.abs(hundredths) % 100).padStart(2, "0");
  return `${whole(Math.trunc(hundredths / 100))},${decimals} tr.`;
}

/** Tenths of a percent -> "57,8"; a full hundred -> "100" */
export function tenths(n) {
  return n === 1000 ? "100" : `${whole(Math.trunc(n / 10))},${Math.abs(n) % 10}`;
}

/**
 * The rate b/a in tenths of a percent, for reading: half up, but a missed target never reads as
 * met (59,96 % of 60 % is 59,9), nor an incomplete rate as complete (99,96 % is 99,9).
 */
export function rateTenths(a, b, met, [numerator, denominator]) {
  let shown = Math.floor((2000 * b + a) / (2 * a));
  if (met === false && shown * denominator >= 10 * numerator) {
    shown = Math.ceil((10 * numerator) / denominator) - 1;
  }
  return b < a ? Math.min(shown, 999) : shown;
}

/** How far the rate is above its target, in tenths of a percentage point, half up. */
export function surplusTenths(a, b, [numerator, denominator]) {
  const unit = 2 * a * denominator;
  return Math.floor((2000 * b * denominator - 20 * numerator * a + a * denominator) / unit);
}

/** The target's percentage: [25, 1] -> "25", [195, 2] -> "97,5" */
export function percent([numerator, denominator]) {
  return String(numerator / denominator).replace(".", ",");
}

/** A moment (milliseconds since the epoch) on the offices' clock. */
export function localParts(ms) {
  const at = new Date(ms + UTC_OFFSET_MS);
  const two = (n) => String(n).padStart(2, "0");
  return {
    weekday: WEEKDAYS[at.getUTCDay()],
    date: `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}/${at.getUTCFullYear()}`,
    dayMonth: `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}`,
    minute: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`,
    second: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`,
  };
}

/** "14:30" on the same day, else "14:30 ngày 09/11" */
export function minuteOf(ms, nowMs) {
  const at = localParts(ms);
  return at.date === localParts(nowMs).date ? at.minute : `${at.minute} ngày ${at.dayMonth}`;
}

/** A length of time in its largest whole unit. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} giây`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} phút`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} giờ`;
  return `${Math.floor(seconds / 86400)} ngày`;
}
