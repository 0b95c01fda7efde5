// X's protocol: initialize, append parts, finalize, ask for the status, post; look up by media key.

const PERMISSION = /client-forbidden|oauth1-permissions|not-authorized|unsupported-authentication/;
const MOST_SEGMENTS = 999;
const SMALLEST_PART = 64 * 1024;

const words = (answer) => {
  const body = answer.body ?? {};
  return body.errors?.[0]?.message ?? body.detail ?? body.title ?? `HTTP ${answer.status}`;
};

const rejectsCredential = ({ status, body }) =>
  status === 401 || (status === 403 && PERMISSION.test(body?.type));

const kindOf = (file, config) => config.platform.media.find((kind) => kind.types.includes(file.type));

const uploadOf = (memory, file) => memory.state.uploads[file.sha256];

/** A copy of memory in which the upload of `sha256` has these fields too; no fields: it is forgotten. */
const noted = (memory, sha256, fields) => {
  const { [sha256]: known, ...others } = memory.state.uploads;
  const uploads = fields ? { ...others, [sha256]: { ...known, ...fields } } : others;
  return { ...memory, tries: 0, state: { ...memory.state, uploads } };
};

/** What an error means before the post: passing, or for good. `sha256`: the upload it was about. */
const refused = (memory, answer, config, now, sha256) => {
  const { status } = answer;
  if (status === 0 || status === 429 || status >= 500) {
    // It may have been done all the same: what X then says about the next try is not the last word.
    const uncertain = status === 429 ? memory : { ...memory, resumed: [...memory.resumed, sha256] };
    return transient(uncertain, answer, config, now, 'PlatformUnavailable', `X: ${words(answer)}`);
  }
  if (rejectsCredential(answer)) return report(memory, 'CredentialRejected', `X: ${words(answer)}`, false);
  if (memory.resumed.includes(sha256)) {
    // X may have dropped what an earlier run uploaded: once from the start, then X's word is final.
    const resumed = memory.resumed.filter((one) => one !== sha256);
    return save({ ...noted(memory, sha256, null), resumed }, 'advance', now);
  }
  return report(memory, 'PlatformRejected', `X: ${words(answer)}`, false);
};

const platform = {
  refusal({ files }, config) {
    const kinds = files.map((file) => kindOf(file, config));
    const strange = files.find((file, i) => !kinds[i]);
    if (strange) return `X takes no ${strange.type}`;
    const large = files.find((file, i) => file.size > kinds[i].max_bytes);
    if (large) return `a file of ${large.size} bytes is larger than X takes`;
    const most = Math.min(...kinds.map((kind) => kind.max_count));
    return files.length > most ? 'X takes 4 images, or 1 GIF, or 1 video' : null;
  },

  advance(memory, config, now) {
    for (const file of memory.files) {
      const upload = uploadOf(memory, file);
      const { size, sha256 } = file;
      if (!upload || upload.expires_at < now + config.expiry_margin_seconds * 1000) {
        const media_category = kindOf(file, config).category;
        const body = { media_type: file.type, total_bytes: size, media_category };
        return go({ ...memory, sha256 }, 'initialize', { body });
      }
      const { media_id, offset, segment } = upload;
      if (offset < size) {
        const end = Math.min(offset + upload.part_bytes, size);
        const part = { url: file.url, range: `${offset}-${end - 1}`, of: size };
        return go({ ...memory, sha256, end }, 'append', { ...part, media_id, segment });
      }
      if (!upload.finalized) return go({ ...memory, sha256 }, 'finalize', { media_id });
      if (!upload.ready) {
        const due = memory.poll_at ?? 0;
        if (now < due) return wait(memory, due - now, 'advance', config);
        return go({ ...memory, sha256 }, 'status', { media_id });
      }
    }
    return save({ ...memory, state: { ...memory.state, phase: 'posting' } }, 'post', now);
  },

  post({ files, state, text }) {
    const media_ids = files.map((file) => state.uploads[file.sha256].media_id);
    return { body: { ...(text && { text }), ...(media_ids.length && { media: { media_ids } }) } };
  },

  lookUp(memory) {
    // A media id belongs to one publication; a text may not, so a post of text alone can't be looked up.
    const { files, user_id } = memory;
    if (files.length === 0) {
      return outcomeUnknown(memory, 'X was asked to post; a text alone cannot be looked up');
    }
    return user_id ? go(memory, 'timeline', { user_id }) : go(memory, 'me');
  },

  answered: {
    initialize(memory, answer, config, now) {
      if (!ok(answer)) return refused(memory, answer, config, now, memory.sha256);
      const { id, expires_after_secs } = answer.body.data;
      const size = memory.files.find((file) => file.sha256 === memory.sha256).size;
      const part_bytes = Math.max(config.part_bytes, Math.ceil(size / MOST_SEGMENTS));
      const expires_at = now + expires_after_secs * 1000;
      const upload = { media_id: id, segment: 0, offset: 0, part_bytes, expires_at };
      return save(noted(memory, memory.sha256, upload), 'advance', now);
    },

    append(memory, answer, config, now) {
      const { sha256, end } = memory;
      const upload = memory.state.uploads[sha256];
      if (answer.from === 'storage') {
        const message = `storage answered ${answer.status}`;
        return transient(memory, answer, config, now, 'StorageUnavailable', message);
      }
      if (answer.status === 413 && upload.part_bytes > SMALLEST_PART) {
        return save(noted(memory, sha256, { part_bytes: Math.ceil(upload.part_bytes / 2) }), 'advance', now);
      }
      if (!ok(answer)) return refused(memory, answer, config, now, sha256);
      return save(noted(memory, sha256, { segment: upload.segment + 1, offset: end }), 'advance', now);
    },

    finalize(memory, answer, config, now) {
      if (!ok(answer)) return refused(memory, answer, config, now, memory.sha256);
      const info = answer.body.data.processing_info;
      const poll_at = now + (info?.check_after_secs ?? 0) * 1000;
      const begun = { ...memory, poll_at, processing_since: now };
      return save(noted(begun, memory.sha256, { finalized: true, ready: !info }), 'advance', now);
    },

    status(memory, answer, config, now) {
      if (!ok(answer)) return refused(memory, answer, config, now, memory.sha256);
      const info = answer.body.data.processing_info ?? { state: 'succeeded' };
      if (info.state === 'succeeded') {
        return save(noted(memory, memory.sha256, { ready: true }), 'advance', now);
      }
      if (info.state === 'failed') {
        const failure = { status: 400, body: { detail: info.error?.message ?? 'processing failed' } };
        return refused(memory, failure, config, now, memory.sha256);
      }
      const processing_since = memory.processing_since ?? now;
      if (now - processing_since > config.processing_seconds * 1000) {
        return report(memory, 'PlatformUnavailable', 'X is still processing the media', true);
      }
      const pause = (info.check_after_secs ?? 5) * 1000;
      return wait({ ...memory, processing_since, poll_at: now + pause, tries: 0 }, pause, 'advance', config);
    },

    post(memory, answer, config, now) {
      const { status } = answer;
      if (status === 201 || status === 200) return settled(memory, answer.body.data.id, config);
      if (answer.from === 'guard') {
        // Nothing was sent: the lease would have ended before the time-out. Renew it and try again.
        const late = (memory.late ?? 0) + 1;
        if (late <= config.tries) return save({ ...memory, late }, 'post', now);
        return report(memory, 'InternalError', 'n8n is too slow to post within its lease', true);
      }
      if (status === 429) return report(memory, 'PlatformUnavailable', `X: ${words(answer)}`, true);
      if (status >= 400 && status < 500 && status !== 408) {
        if (rejectsCredential(answer)) {
          return report(memory, 'CredentialRejected', `X: ${words(answer)}`, false);
        }
        if (status === 400 && memory.resumed.length > 0) {
          // X may have dropped what an earlier run uploaded: once from the start, then X's word is final.
          return save({ ...memory, resumed: [], state: { phase: 'uploading', uploads: {} } }, 'advance', now);
        }
        return report(memory, 'PlatformRejected', `X: ${words(answer)}`, false);
      }
      return wait({ ...memory, lookups: 0 }, config.lookup_pause_seconds * 1000, 'lookUp', config);
    },

    me(memory, answer) {
      if (!ok(answer)) return unanswered(memory, answer);
      const user_id = answer.body.data.id;
      return go({ ...memory, user_id }, 'timeline', { user_id });
    },

    timeline(memory, answer, config) {
      if (!ok(answer)) return unanswered(memory, answer);
      const uploads = memory.files.map((file) => memory.state.uploads?.[file.sha256]);
      const ids = uploads.filter(Boolean).map(({ media_id }) => media_id);
      const mine = (post) => post.attachments?.media_keys?.some((key) => ids.includes(key.split('_')[1]));
      const found = answer.body.data?.find(mine);
      if (found) return settled(memory, found.id, config);
      const lookups = (memory.lookups ?? 0) + 1;
      if (lookups < config.lookups) {
        return wait({ ...memory, lookups }, config.lookup_pause_seconds * 1000, 'lookUp', config);
      }
      return outcomeUnknown(memory, 'X was asked to post, and the timeline does not show the post');
    },
  },
};

const settled = (memory, id, config) => settle(memory, id, `${config.platform.web_url}/i/status/${id}`);

/** A refused look-up needs a person; any other failure may pass. */
const unanswered = (memory, answer) =>
  answer.status === 401 || answer.status === 403
    ? outcomeUnknown(memory, `X was asked to post; looking it up was refused: ${words(answer)}`)
    : lookUpFailed(memory, `X did not answer the look-up: ${words(answer)}`);
