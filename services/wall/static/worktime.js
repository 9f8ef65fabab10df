// Working time on the offices' clock, by the calendar that came with the view. Pure.

const DAY_MS = 86400000;

/** Working minutes from the calendar's beginning to the moment; null where it does not reach. */
export function workedMinutes(calendar, ms) {
  if (!calendar) return null;
  const day = Math.floor((ms - calendar.midnight_ms) / DAY_MS);
  if (day < 0 || day >= calendar.working.length) return null;
  const ofDay = (ms - calendar.midnight_ms - day * DAY_MS) / 60000;
  const whole = minutesOfADay(calendar) * calendar.working.slice(0, day).reduce((n, w) => n + w, 0);
  const today = calendar.shifts.reduce(
    (n, [from, to]) => n + Math.min(Math.max(ofDay - from, 0), to - from),
    0,
  );
  return calendar.worked + whole + (calendar.working[day] ? today : 0);
}

/** Working minutes of a whole day. */
export function minutesOfADay(calendar) {
  return calendar.shifts.reduce((n, [from, to]) => n + to - from, 0);
}

/** Working seconds between the moments; all of them where the calendar does not reach. */
export function workedSeconds(calendar, fromMs, toMs) {
  const [from, to] = [workedMinutes(calendar, fromMs), workedMinutes(calendar, toMs)];
  return from === null || to === null ? (toMs - fromMs) / 1000 : 60 * (to - from);
}

/**
 * {minutes, days, working}: what is left until a dossier's due moment, negative when it has passed.
 * `working`: in working time; else, where the calendar does not reach, in time as it passes.
 */
export function timeLeft(one, calendar, nowMs) {
  const now = workedMinutes(calendar, nowMs);
  if (now === null || one.due_worked === null) {
    const minutes = (Date.parse(one.due_at) - nowMs) / 60000;
    return { minutes, days: minutes / 1440, working: false };
  }
  const minutes = one.due_worked - now;
  return { minutes, days: minutes / minutesOfADay(calendar), working: true };
}
