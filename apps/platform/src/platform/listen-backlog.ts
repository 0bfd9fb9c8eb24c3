/**
 * Connections that the system holds until they are accepted; Linux takes as many as net.core.somaxconn. Of thousands that come
 * at once those beyond it are dropped, and try again only after 1, 3, 7, 15 and 31 s. Node's own value is 511.
 */
export const listenBacklog = 4096
