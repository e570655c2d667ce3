/** For tests: who gets notifications. An HTTP receiver that answers as it is told, and a real SMTP server. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

export interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with the next of `answers`, then with 200. */
export async function startReceiver() {
  const received: Received[] = [];
  const answers: { status: number; headers?: Record<string, string> }[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      received.push({
        path: incoming.url,
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const { status, headers = {} } = answers.shift() ?? { status: 200 };
      outgoing.writeHead(status, headers).end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ received, answers, host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}` },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** Takes mail from `user` with `password` and for everybody but `nobody@…`. */
export async function startMailServer() {
  const mails: { readonly to: readonly string[]; readonly mail: Email }[] = [];
  const server = new SMTPServer({
    ...{ disabledCommands: ["STARTTLS"], hideSTARTTLS: true, logger: false },
    onAuth({ username, password }, _session, done) {
      if (username === "user" && password === "password") return done(null, { user: username });
      return done(new Error("wrong"));
    },
    onRcptTo({ address }, _session, done) {
      done(address.startsWith("nobody@") ? new Error("nobody of that name") : null);
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", async () => {
        const mail = await PostalMime.parse(Buffer.concat(chunks));
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), mail });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.server.address() as AddressInfo;
  return {
    mails,
    url: `smtp://user:password@127.0.0.1:${port}`,
    badUrl: `smtp://user:wrong@127.0.0.1:${port}`,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

export type MailServer = Awaited<ReturnType<typeof startMailServer>>;
