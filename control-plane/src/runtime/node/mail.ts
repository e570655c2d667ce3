/** E-mail over SMTP. The server is the operator's own choice, so no egress guard stands before it. */
import { createTransport } from "nodemailer";
import type { Mail } from "../../notifications/message.ts";

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password in it where the server wants them. */
  readonly url: string;
  readonly from: string;
}

/** Longest silence of the server at each step, in milliseconds. */
const SILENCE_MS_MAX = 10_000;
/** The whole exchange, in milliseconds: shorter than a delivery is held, or two processes would send the same mail. */
const EXCHANGE_MS_MAX = 45_000;

/**
 * `send` resolves when the server has taken the mail; its `Message-ID` is made of the mail's id. It rejects with
 * `ETIMEDOUT` when that took longer than an exchange may.
 */
export function createMailer({ url, from }: MailSettings, exchangeMsMax = EXCHANGE_MS_MAX) {
  const timeouts = {
    connectionTimeout: SILENCE_MS_MAX,
    greetingTimeout: SILENCE_MS_MAX,
    socketTimeout: SILENCE_MS_MAX,
  };
  const transport = createTransport({ url, ...timeouts });
  const host = from.slice(from.lastIndexOf("@") + 1).replace(/>$/, "");
  return {
    async send({ to, subject, text, id }: Mail): Promise<void> {
      // Recipients need not know of each other.
      const envelope = { from, to: [...to] };
      const mail = { envelope, from, to: from, subject, text, messageId: `<${id}@${host}>` };
      await within(exchangeMsMax, transport.sendMail(mail));
    },
    close: () => transport.close(),
  };
}

/** A server that keeps saying a little is never silent, and still takes no mail. */
async function within(ms: number, sending: Promise<unknown>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error("the mail server took too long"), { code: "ETIMEDOUT" }));
  }, ms);
  try {
    await Promise.race([sending, late]);
  } finally {
    clearTimeout(timer);
  }
}
