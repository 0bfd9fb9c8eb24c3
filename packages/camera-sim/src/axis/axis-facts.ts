import type { TotalAxisOptions } from './axis-options.ts'
import type { AxisOs } from './axis-os.ts'

/** What the camera says of itself, in the words of its interfaces. */
export interface AxisFacts {
  serialNumber: string
  /** Of basicdeviceinfo.cgi. */
  properties: Readonly<Record<string, string>>
  /** Of param.cgi, without `root.` in front. */
  parameters: Readonly<Record<string, string>>
}

const socs: Readonly<Record<string, string>> = {
  aarch64: 'Axis Artpec-8',
  armv7hf: 'Ambarella S2L (Flattened Device Tree)',
  mips: 'Axis Artpec-5',
}

export function describeAxis(options: TotalAxisOptions, os: AxisOs, serialNumber: string): AxisFacts {
  const { model, architecture } = options
  const shortName = `AXIS ${model}`
  const fullName = `${shortName} Network Camera`
  const soc = socs[architecture] ?? ''
  return {
    serialNumber,
    properties: {
      Architecture: architecture,
      ProdNbr: model,
      HardwareID: '70E',
      Version: os.version,
      ProdFullName: fullName,
      Brand: 'AXIS',
      ProdType: 'Network Camera',
      Soc: soc,
      SocSerialNumber: '',
      WebURL: 'http://www.axis.com',
      ProdVariant: '',
      SerialNumber: serialNumber,
      ProdShortName: shortName,
      BuildDate: os.buildDate,
    },
    parameters: {
      'Brand.Brand': 'AXIS',
      'Brand.ProdFullName': fullName,
      'Brand.ProdNbr': model,
      'Brand.ProdShortName': shortName,
      'Brand.ProdType': 'Network Camera',
      'Brand.WebURL': 'http://www.axis.com',
      'Network.HTTP.AuthenticationPolicy': options.authenticationPolicy.toLowerCase(),
      'Properties.API.HTTP.Version': '3',
      'Properties.EmbeddedDevelopment.EmbeddedDevelopment': 'yes',
      'Properties.EmbeddedDevelopment.Version': os.embeddedDevelopment,
      'Properties.Firmware.BuildDate': os.buildDate,
      'Properties.Firmware.Version': os.version,
      'Properties.System.Architecture': architecture,
      'Properties.System.HardwareID': '70E',
      'Properties.System.SerialNumber': serialNumber,
      'Properties.System.Soc': soc,
    },
  }
}
