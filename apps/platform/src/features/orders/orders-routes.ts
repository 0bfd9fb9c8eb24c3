import type { AnyRoute } from '../../platform/http/route.ts'

export function ordersRoutes(): AnyRoute[] {
  return []
}
