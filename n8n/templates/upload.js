// The part of an upload that is the same on every platform: the claim, its lease, the saved state, the end.
//
// `next` is a pure function: what is known (memory), the answer to the last step, the time → the next step.
// The workflow around it only carries steps out. `platform` (the file beside this one) knows the protocol:
//   platform.advance(memory, config, now)          the next call before the post, or the post itself
//   platform.lookUp(memory, config, now)           the first call of the look-up after an uncertain post
//   platform.answered[step](memory, answer, …)     what an answer to one of its calls means
//
// memory.state is what survives us: {phase: 'uploading' | 'posting', uploads: {sha256: {…}}}. Times are in
// milliseconds unless a name ends in _seconds.

const ok = (answer) => answer.status >= 200 && answer.status < 300;

/** Carry out `step` with the parameters in `call`. */
const go = (memory, step, call = {}) => ({ memory: { ...memory, doing: step }, step, call });

const stop = (memory, why) => go(memory, 'stop', { why });

/** Save the state, which renews the lease; `then` is where to go on: 'advance', 'post' or 'lookUp'. */
const save = (memory, then, now) =>
  go({ ...memory, then, sent_at: now, saves: 0 }, 'save', {
    publication_id: memory.publication_id,
    body: { fence: memory.fence, state: memory.state },
  });

/** Wait, renew the lease, go on. Longer waits than the lease allows are cut; who needs them asks again. */
const wait = (memory, milliseconds, then, config) => {
  const longest = Math.min(config.longest_wait_seconds * 1000, memory.lease_length / 3);
  const seconds = Math.max(0.2, Math.min(milliseconds, longest) / 1000);
  return go({ ...memory, then }, 'wait', { seconds });
};

const identity = ({ request_id, target, fence }) => ({ request_id, target, fence });

const settle = (memory, external_post_id, url) =>
  go(memory, 'settle', { body: { ...identity(memory), external_post_id, url } });

/** End without a post. The message goes to people: short, no addresses, no markup. */
const report = (memory, reason, message, retryable) => {
  const short = String(message).replace(/https?:\/\/\S+/g, '…').replace(/\s+/g, ' ').slice(0, 300);
  const error = { reason, message: short, retryable };
  return go(memory, 'report', { body: { ...identity(memory), error } });
};

/**
 * The post may exist, and the look-up was not answered. Who took the publication over may say so and be sent
 * again. Who made the call itself must not, because its error would read as "not posted": its lease runs out.
 */
const lookUpFailed = (memory, message) =>
  memory.tookOver ? report(memory, 'PlatformUnavailable', message, true) : stop(memory, message);

const outcomeUnknown = (memory, message) => report(memory, 'OutcomeUnknown', message, false);

/** A failure that may pass: a few tries in this run, then a retryable error, which backs off longer. */
const transient = (memory, answer, config, now, reason, message) => {
  const tries = (memory.tries ?? 0) + 1;
  const pause = answer.retry_at ? answer.retry_at - now : 1000 * 2 ** tries;
  if (tries > config.tries || pause > config.longest_wait_seconds * 1000) {
    return report(memory, reason, message, true);
  }
  return wait({ ...memory, tries }, pause, 'advance', config);
};

/** What is left of the lease counts from before the request, so that our clock only makes us more careful. */
const renewed = (memory, body, sent_at) => ({
  ...memory,
  lease_until: sent_at + body.lease_seconds * 1000,
  lease_length: body.lease_seconds * 1000,
  files: body.files ?? memory.files,
});

const leaseNeeded = (config) => config.post_timeout_ms + config.lease_margin_ms;

const carryOn = {
  advance: (memory, config, now) => platform.advance(memory, config, now),
  lookUp: (memory, config, now) => platform.lookUp(memory, config, now),
  post: (memory) => go(memory, 'post', platform.post(memory)),
};

const answered = {
  claim(memory, answer, config, now) {
    if (!ok(answer)) return stop(memory, `claim answered ${answer.status}`);
    const { publication_id, fence, text, state } = answer.body;
    const claimed = renewed({ ...memory, publication_id, fence, text }, answer.body, memory.sent_at);
    if (state.phase === 'posting') return platform.lookUp({ ...claimed, state, tookOver: true }, config, now);
    claimed.state = { phase: 'uploading', uploads: {}, ...state };
    claimed.resumed = Object.keys(claimed.state.uploads);
    if (claimed.lease_length <= leaseNeeded(config)) {
      return report(claimed, 'InternalError', 'the lease is shorter than the time a post may take', false);
    }
    const refusal = platform.refusal(claimed, config);
    if (refusal) return report(claimed, 'MediaNotAccepted', refusal, false);
    return platform.advance(claimed, config, now);
  },

  save(memory, answer, config, now) {
    if (ok(answer)) {
      const held = renewed(memory, answer.body, memory.sent_at);
      if (answer.body.look_up_only) return platform.lookUp({ ...held, tookOver: true }, config, now);
      return carryOn[memory.then](held, config, now);
    }
    const saves = memory.saves + 1;
    const passing = answer.status === 0 || answer.status === 429 || answer.status >= 500;
    if (!passing || saves > config.tries || now > memory.lease_until) {
      return stop(memory, `saving answered ${answer.status}`);
    }
    return wait({ ...memory, saves }, 1000 * saves, memory.then, config);
  },

  wait(memory, answer, config, now) {
    const saves = memory.saves ?? 0;
    const again = save(memory, memory.then, now);
    return { ...again, memory: { ...again.memory, saves } };
  },
};

function next(config, memory, answer, now) {
  if (!answer) {
    const { request_id, target } = memory;
    return go({ request_id, target, sent_at: now }, 'claim', { request_id, body: { target } });
  }
  const handler = answered[memory.doing] ?? platform.answered[memory.doing];
  return handler(memory, answer, config, now);
}
