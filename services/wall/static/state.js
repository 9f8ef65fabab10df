// The wall's state and how each message changes it. Pure: no clock, no network, no page.

/** Nothing known yet. `at` fields are of the browser's monotonic clock, in seconds. */
export const EMPTY = {
  boot: null,
  seq: 0,
  view: null,
  figuresAtMs: null, // the moment that the shown figures are complete up to, on the server's clock
  beat: null,
  beatAt: null,
  byeAt: null,
  certificate: null, // of the newest comparison with the history
  gap: false, // a delta is missing: the snapshot must be fetched
};

/** The state after a message {type: snapshot | delta | beat | certificate | bye | stored, ...} that came `at`. */
export function reduce(state, message, at) {
  switch (message.type) {
    case "snapshot":
      return withView(state, message.data, message.data.view);
    case "delta":
      return delta(state, message.data);
    case "beat":
      return beat(state, message.data, at);
    case "certificate":
      return { ...state, certificate: message.data };
    case "bye":
      return { ...state, byeAt: at };
    case "stored":
      return state.view ? state : { ...state, ...message.data, boot: null, seq: 0 };
    default:
      return state;
  }
}

function withView(state, { boot, seq }, view) {
  return { ...state, boot, seq, view, gap: false };
}

function delta(state, data) {
  if (data.boot === state.boot && data.seq <= state.seq) return state;
  if (state.view === null || data.boot !== state.boot || data.seq !== state.seq + 1) {
    return { ...state, gap: true };
  }
  const changed = new Map(data.view.indicators.map((i) => [i.code, i]));
  const indicators = state.view.indicators.map((i) => ({ ...i, ...changed.get(i.code) }));
  const rows = upserted(state.view.rows, data.view.rows);
  return withView(state, data, { ...state.view, ...data.view, indicators, rows });
}

/** The rows with these new and changed ones, by code. */
function upserted(rows, changed) {
  if (!changed) return rows;
  const byCode = new Map([...rows, ...changed].map((row) => [row.code, row]));
  return [...byCode.values()].sort((one, other) => (one.code < other.code ? -1 : 1));
}

function beat(state, data, at) {
  const missing = data.seq !== state.seq || data.boot !== state.boot;
  const confirmed = !missing && data.waiting === null && data.lag_s !== null;
  return {
    ...state,
    beat: data,
    beatAt: at,
    byeAt: null,
    gap: state.gap || (missing && data.seq > 0),
    figuresAtMs: confirmed ? Date.parse(data.server_time) - data.lag_s * 1000 : state.figuresAtMs,
  };
}
