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

/** `send` resolves when the server has taken the mail; its `Message-ID` is made of the mail's id. */
export function createMailer({ url, from }: MailSettings) {
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
      await transport.sendMail({ envelope, from, to: from, subject, text, messageId: `<${id}@${host}>` });
    },
    close: () => transport.close(),
  };
}
