/** A window that always shows the present table, so that nobody keeps an old one open across a snapshot. */
import type { TableView } from "@claviger/shared/decide/view";

export function liveView(present: () => TableView): TableView {
  return {
    byHash: (hash) => present().byHash(hash),
    key: (id) => present().key(id),
    closed: (id) => present().closed(id),
    project: (id) => present().project(id),
    policy: () => present().policy(),
    denied: (tokenId) => present().denied(tokenId),
    provider: (id) => present().provider(id),
    providersOf: (projectId) => present().providersOf(projectId),
    priceOf: (provider, model) => present().priceOf(provider, model),
    alias: (projectId, name) => present().alias(projectId, name),
    aliasesOf: (projectId) => present().aliasesOf(projectId),
    get mcp() {
      return present().mcp;
    },
    get configured() {
      return present().configured;
    },
    get epoch() {
      return present().epoch;
    },
    get rev() {
      return present().rev;
    },
  };
}
