// Says how old the figures are. Pure: (state, monotonic seconds, limits) -> what to show.

import { duration, localParts, minuteOf } from "./format.js";
import { WORDS } from "./words.js";

/** Seconds; each can be set in the address: ?beat_lost=5 */
export const LIMITS = {
  beat_late: 15,
  beat_lost: 60,
  lag_late: 60,
  lag_old: 300,
  idle: 1800,
  restart: 60,
  retry: 1, // first pause before a new connection; doubled up to 4
  off_hours_after: 600, // somebody works late: no «Ngoài giờ» while events come
};

export function limitsFrom(parameters) {
  const given = Object.keys(LIMITS)
    .filter((name) => Number(parameters.get(name)) > 0)
    .map((name) => [name, Number(parameters.get(name))]);
  return { ...LIMITS, ...Object.fromEntries(given) };
}

/** Milliseconds on the server's clock now, whatever this machine's own clock says. */
export function serverNowMs(state, at) {
  return state.beat === null ? null : Date.parse(state.beat.server_time) + (at - state.beatAt) * 1000;
}

/**
 * {state, sign, text, old, band}: `old` figures are drained of colour, a `band` fills the footer.
 * `startedAt` is when the page began, for a server that has never answered.
 */
export function freshness(state, at, startedAt, limits) {
  const nowMs = serverNowMs(state, at);
  const age = at - (state.beatAt === null ? startedAt : state.beatAt);
  const figures = figuresText(state, nowMs);
  if (state.byeAt !== null && at - state.byeAt < limits.restart) {
    return says("restarting", "warning", `${WORDS.restarting} · ${figures}`);
  }
  if (age > limits.beat_lost) return says("lost", "lost", `${WORDS.lost} · ${figures}`);
  if (state.beat === null) return says("connecting", "quiet", WORDS.connecting, true);
  const { waiting, no_book, last_event_at, working_now } = state.beat;
  if (waiting !== null) {
    const since = state.figuresAtMs === null ? "" : ` · ${figures}`;
    return says("waiting", "warning", (no_book ? WORDS.noBook : WORDS.waiting) + since, true);
  }
  if (age > limits.beat_late) return says("slow", "warning", `${WORDS.slow} ${duration(age)}`);
  if (state.figuresAtMs === null) return says("slow", "warning", WORDS.lagUnknown);
  const lag = (nowMs - state.figuresAtMs) / 1000;
  if (lag > limits.lag_old) return says("stale", "lost", `${WORDS.stale} · ${figures}`);
  if (lag > limits.lag_late) return says("slow", "warning", `${WORDS.slow} ${duration(lag)}`);
  const eventMs = last_event_at === null ? null : Date.parse(last_event_at);
  const silence = eventMs === null ? Infinity : (nowMs - eventMs) / 1000;
  if (!working_now && silence > limits.off_hours_after) {
    const until = eventMs === null ? "" : ` · ${WORDS.upTo} ${minuteOf(eventMs, nowMs)}`;
    return says("off-hours", "quiet", WORDS.offHours + until);
  }
  if (eventMs !== null && silence > limits.idle) {
    return says("idle", "warning", `${WORDS.idle} ${minuteOf(eventMs, nowMs)}`);
  }
  const upTo = localParts(state.figuresAtMs).second;
  return says("live", "live", `${WORDS.live} · ${WORDS.upTo} ${upTo}`);
}

const BANDS = new Set(["lost", "stale"]);

function says(state, sign, text, old = false) {
  const band = BANDS.has(state);
  return { state, sign, text, old: old || band, band };
}

function figuresText(state, nowMs) {
  const at = state.figuresAtMs;
  if (at === null || state.view === null) return WORDS.noFigures;
  if (nowMs === null) return `${WORDS.figuresAt} ${localParts(at).minute} ${localParts(at).date}`;
  const ago = duration((nowMs - at) / 1000);
  return `${WORDS.figuresAt} ${minuteOf(at, nowMs)}, ${WORDS.ago} ${ago}`;
}
