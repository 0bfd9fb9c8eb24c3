import { choiceOf, idFrom, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { ListOrdersFlags, PlaceOrderFlags } from './orders.ts'

const load = () => import('./orders.ts')

export const registerOrders: Register = (program, run) => {
  const orders = program.command('orders').description('purchases of license units')
  orders
    .command('list')
    .description('orders, newest first')
    .addOption(
      choiceOf('--role <role>', 'own ones, those for own apps, or all of the installation', [
        'buyer',
        'publisher',
        'operator',
      ]),
    )
    .option('--app <id>', 'of this app')
    .addOption(choiceOf('--state <state>', 'in this state', ['PLACED', 'CONFIRMED', 'CANCELLED', 'ENDED']))
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples('ocelli orders list', 'ocelli orders list --role publisher --state PLACED')
    .action((flags: ListOrdersFlags) => run(async (context) => (await load()).listOrders(flags, context)))
  orders
    .command('place')
    .description("buy units; they can be used when the app's publisher has confirmed the order")
    .argument('<app>', 'app id')
    .argument('<quantity>', 'how many units', wholeNumber)
    .addOption(
      choiceOf('--license-type <type>', 'license type', ['FULL', 'TRIAL', 'SUBSCRIPTION']).makeOptionMandatory(),
    )
    .option('--days <number>', 'term of a SUBSCRIPTION, from confirmation', wholeNumber)
    .option('--reference <text>', 'your own order number')
    .examples('ocelli orders place com.example.counter 100 --license-type SUBSCRIPTION --days 365 --reference PO-7')
    .action((appId: string, quantity: number, flags: PlaceOrderFlags) =>
      run(async (context) => (await load()).placeOrder({ appId, quantity }, flags, context)),
    )
  orders
    .command('show')
    .description('one order, with its units')
    .argument('<order>', 'order id', idFrom('ocelli orders list'))
    .examples('ocelli orders show 1c9d...')
    .action((orderId: string) => run(async (context) => (await load()).showOrder(orderId, context)))
  orders
    .command('reduce')
    .description('to fewer units than before; refused below those that are used')
    .argument('<order>', 'order id', idFrom('ocelli orders list'))
    .argument('<quantity>', 'how many units it has from now on', wholeNumber)
    .examples('ocelli orders reduce 1c9d... 40 --yes')
    .action((orderId: string, quantity: number) =>
      run(async (context) => (await load()).reduceOrder({ orderId, quantity }, context)),
    )
  orders
    .command('confirm')
    .description('by the publisher of the app, or the instance administrator')
    .argument('<order>', 'order id', idFrom('ocelli orders list'))
    .examples('ocelli orders confirm 1c9d...')
    .action((orderId: string) => run(async (context) => (await load()).confirmOrder(orderId, context)))
  orders
    .command('cancel')
    .description('refused while its units are used')
    .argument('<order>', 'order id', idFrom('ocelli orders list'))
    .examples('ocelli orders cancel 1c9d... --yes')
    .action((orderId: string) => run(async (context) => (await load()).cancelOrder(orderId, context)))
}
