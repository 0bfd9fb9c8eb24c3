import { expect, test } from 'vitest'
import { proxyAgentFor } from './proxy.ts'

const proxy = 'http://proxy.example:3128'

test.each([
  ['https://a.example', { HTTPS_PROXY: proxy }, true],
  ['wss://a.example', { HTTPS_PROXY: proxy }, true],
  ['https://a.example', { https_proxy: proxy }, true],
  ['https://a.example', { HTTPS_PROXY: 'proxy.example:3128' }, true],
  ['https://a.example', {}, false],
  ['https://a.example', { HTTPS_PROXY: '' }, false],
  ['https://a.example', { HTTP_PROXY: proxy }, false],
  ['http://a.example', { HTTP_PROXY: proxy }, true],
  ['https://localhost:1', { HTTPS_PROXY: proxy }, false],
  ['https://127.0.0.9', { HTTPS_PROXY: proxy }, false],
  ['https://[::1]:1', { HTTPS_PROXY: proxy }, false],
  ['https://127.0.0.1.example', { HTTPS_PROXY: proxy }, true],
  ['https://a.example', { HTTPS_PROXY: proxy, NO_PROXY: '*' }, false],
  ['https://a.example', { HTTPS_PROXY: proxy, NO_PROXY: 'b.example, a.example' }, false],
  ['https://x.a.example', { HTTPS_PROXY: proxy, NO_PROXY: '.a.example' }, false],
  ['https://x.a.example', { HTTPS_PROXY: proxy, NO_PROXY: '*.a.example' }, false],
  ['https://xa.example', { HTTPS_PROXY: proxy, NO_PROXY: 'a.example' }, true],
  ['https://a.example:8443', { HTTPS_PROXY: proxy, NO_PROXY: 'a.example:8443' }, false],
  ['https://a.example:8443', { HTTPS_PROXY: proxy, NO_PROXY: 'a.example:443' }, true],
  ['https://10.0.0.1', { HTTPS_PROXY: proxy, no_proxy: '10.0.0.1' }, false],
  ['https://10.0.0.1', { HTTPS_PROXY: proxy, no_proxy: '0.0.1' }, true],
  ['https://[fd00::1]', { HTTPS_PROXY: proxy, no_proxy: 'fd00::1' }, false],
])('%s with %o goes through a proxy: %s', (url, env, isProxied) => {
  expect(proxyAgentFor(new URL(url), env) !== undefined).toBe(isProxied)
})
