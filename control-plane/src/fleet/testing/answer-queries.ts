import { Query } from "@claviger/shared/wire/query";
import { createVerify } from "@claviger/shared/wire/sign";
import { replicaSubjects } from "@claviger/shared/wire/subjects";
import type { FakeReplica } from "./fake-replica.ts";

/** Answers queries with these rows, two to a part, as a gateway does. */
export async function answerQueries(
  replica: FakeReplica,
  rowsOf: (query: Query) => readonly object[],
): Promise<void> {
  const verify = await createVerify(replica.answer.verificationKeys);
  const answer = async (jws: string): Promise<void> => {
    const payload = await verify("clv-query+jws", jws);
    if (payload === undefined) return;
    const query = Query.parse(JSON.parse(Buffer.from(payload).toString()));
    const subject = replicaSubjects.answer(replica.id, query.cp, query.id);
    const rows = rowsOf(query);
    for (let part = 0; part * 2 < Math.max(1, rows.length); part++) {
      const body = { part, more: (part + 1) * 2 < rows.length, rows: rows.slice(part * 2, part * 2 + 2) };
      replica.connection.publish(subject, JSON.stringify(body));
    }
  };
  replica.connection.subscribe(replicaSubjects.own(replica.id), {
    callback: (_error, message) => {
      void answer(message.string());
    },
  });
  await replica.connection.flush();
}
