import type { XmlElement } from '../xml/reader.ts'
import type { Operation, SoapService } from './operation.ts'
import { faults } from './soap-fault.ts'

/** Finds the operation that the wrapper element names. Throws SoapFault. */
export function findOperation(service: SoapService, wrapper: XmlElement): Operation {
  if (!service.namespaces.includes(wrapper.namespace)) {
    throw faults.unknownAction(`${wrapper.qualifiedName} in ${wrapper.namespace || 'no namespace'} is not known here.`)
  }
  const operation = Object.hasOwn(service.operations, wrapper.name) ? service.operations[wrapper.name] : undefined
  if (operation === undefined) throw faults.notSupported(wrapper.name)
  return operation
}

/** Refuses children in the wrong namespace, or that the operation does not have, as generated servers do. */
export function checkChildren(service: SoapService, operation: Operation, wrapper: XmlElement): void {
  const namespace = service.childNamespace(wrapper)
  for (const child of wrapper.children) {
    // xs:any, which most messages end with, takes elements of other namespaces.
    const isExtension = ![...service.namespaces, namespace, ''].includes(child.namespace)
    if (isExtension) continue
    if (child.namespace !== namespace) {
      throw faults.tagMismatch(
        `${child.qualifiedName} in ${wrapper.name} is in ${child.namespace || 'no namespace'}, not in ${namespace || 'none'}.`,
      )
    }
    if (operation.children !== null && !operation.children.includes(child.name)) {
      throw faults.tagMismatch(`${wrapper.name} has no ${child.name}.`)
    }
  }
}
