// Says how old the figures are. Pure: (state, monotonic seconds, limits) -> what to show.

import { duration, localParts, minuteOf } from "./format.js";
import { VI } from "./words.js";
import { workedSeconds } from "./worktime.js";

/** Seconds; each can be set in the address: ?beat_lost=5 */
export const LIMITS = {
  beat_late: 15,
  beat_lost: 60,
  lag_late: 60,
  lag_old: 300,
  idle: 1800, // of working time, as the next one
  emitter_idle: 7200,
  too_old: 1800, // of working time; 0: never
  restart: 60,
  retry: 1, // first pause before a new connection; doubled up to 2.5
  off_hours_after: 600, // somebody works late: no «Ngoài giờ» while events come
};

export function limitsFrom(parameters) {
  const given = Object.keys(LIMITS)
    .filter((name) => Number(parameters.get(name)) > 0)
    .map((name) => [name, Number(parameters.get(name))]);
  const never = parameters.get("too_old") === "0" ? { too_old: Infinity } : {};
  return { ...LIMITS, ...Object.fromEntries(given), ...never };
}

/** Milliseconds on the server's clock now, whatever this machine's own clock says. */
export function serverNowMs(state, at) {
  return state.beat === null ? null : Date.parse(state.beat.server_time) + (at - state.beatAt) * 1000;
}

/**
 * {state, sign, text, old, band, dashes}: `old` figures are drained of colour, a `band` fills the
 * footer, `dashes` stand for figures that are too old to act on. `startedAt` is when the page
 * began, for a server that has never answered.
 */
export function freshness(state, at, startedAt, limits, words = VI) {
  const nowMs = serverNowMs(state, at);
  const age = at - (state.beatAt === null ? startedAt : state.beatAt);
  const figures = figuresText(state, nowMs, words);
  if (state.byeAt !== null && at - state.byeAt < limits.restart) {
    return says("restarting", "warning", `${words.restarting} · ${figures}`);
  }
  if (age > limits.beat_lost) {
    const lost = says("lost", "lost", `${words.lost} · ${figures}`);
    return { ...lost, dashes: isTooOld(state, nowMs, limits) };
  }
  if (state.beat === null) return says("connecting", "quiet", words.connecting, true);
  const { waiting, no_book } = state.beat;
  if (waiting !== null) {
    const since = state.figuresAtMs === null ? "" : ` · ${figures}`;
    return says("waiting", "warning", (no_book ? words.noBook : words.waiting) + since, true);
  }
  if (age > limits.beat_late) return says("slow", "warning", `${words.slow} ${duration(age, words)}`);
  if (state.figuresAtMs === null) return says("slow", "warning", words.lagUnknown);
  const lag = (nowMs - state.figuresAtMs) / 1000;
  if (lag > limits.lag_old) {
    const stale = says("stale", "lost", `${words.stale} · ${figures}`);
    return { ...stale, dashes: isTooOld(state, nowMs, limits) };
  }
  if (lag > limits.lag_late) {
    return says("slow", "warning", `${words.slow} ${duration(lag, words)}`);
  }
  return quiet(state.beat, nowMs, limits, words) || live(state, words);
}

/** The server is well, and nothing comes: an evening, or an emitter that has stopped. */
function quiet(beat, nowMs, limits, words) {
  const { last_event_at, working_now, idle_s, silent } = beat;
  const eventMs = last_event_at === null ? null : Date.parse(last_event_at);
  const silence = eventMs === null ? Infinity : (nowMs - eventMs) / 1000;
  if (!working_now) {
    if (silence <= limits.off_hours_after) return null;
    const until = eventMs === null ? "" : ` · ${words.upTo} ${minuteOf(eventMs, nowMs, words)}`;
    return says("off-hours", "quiet", words.offHours + until);
  }
  if (idle_s !== null && idle_s > limits.idle) {
    return idleSince(eventMs, nowMs, null, words);
  }
  const [name, at] = silent.find(([, , worked]) => worked > limits.emitter_idle) || [];
  return name ? idleSince(Date.parse(at), nowMs, name, words) : null;
}

function idleSince(ms, nowMs, name, words) {
  const whose = name === null ? "" : ` (${name})`;
  const since = `${words.idle} ${minuteOf(ms, nowMs, words)}`;
  return says("idle", "warning", `${since} – ${words.checkEmitter}${whose}`);
}

function live(state, words) {
  return says("live", "live", `${words.live} · ${words.upTo} ${localParts(state.figuresAtMs).second}`);
}

const BANDS = new Set(["lost", "stale"]);

function says(state, sign, text, old = false) {
  const band = BANDS.has(state);
  return { state, sign, text, old: old || band, band, dashes: false };
}

/** In working time: on Monday morning Friday's figures are not two days old. */
function isTooOld(state, nowMs, limits) {
  if (state.figuresAtMs === null || nowMs === null || state.view === null) return false;
  return workedSeconds(state.view.calendar, state.figuresAtMs, nowMs) > limits.too_old;
}

function figuresText(state, nowMs, words) {
  const at = state.figuresAtMs;
  if (at === null || state.view === null) return words.noFigures;
  if (nowMs === null) return `${words.figuresAt} ${localParts(at).minute} ${localParts(at).date}`;
  const ago = words.ago(duration((nowMs - at) / 1000, words));
  return `${words.figuresAt} ${minuteOf(at, nowMs, words)}, ${ago}`;
}
