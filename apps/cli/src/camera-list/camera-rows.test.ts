import { describe, expect, test } from 'vitest'
import { readCameraRows } from './camera-rows.ts'

const nothing = { device: null, name: null, site: null, customer: null, tags: null }

describe('a list of cameras', () => {
  test('is read with commas, a BOM and Windows line ends', () => {
    expect(readCameraRows('\uFEFFaddress,user,password\r\n192.0.2.1,root,"a,b"\r\n\r\n')).toEqual([
      { ...nothing, line: 2, address: '192.0.2.1', user: 'root', password: 'a,b' },
    ])
  })

  test('is read with semicolons, and tags apart; a password keeps its blanks', () => {
    const text = 'Address;User;Password;Name;Site;Customer;Tags\n192.0.2.1; root ; x ;Gate;Riga;City;"a;b, a"\n'
    expect(readCameraRows(text)).toEqual([
      {
        ...{ line: 2, device: null, address: '192.0.2.1', user: 'root', password: ' x ' },
        ...{ name: 'Gate', site: 'Riga', customer: 'City', tags: ['a', 'b'] },
      },
    ])
  })

  test.each([
    ['HardwareName,HardwareAddress,MacAddress,UserName,Password,DriverNumber\nGate,http://192.0.2.1,00,root,p,5'],
    ['"Name","Address","UserName","Password","RecordingServer"\n"Gate","http://192.0.2.1","root","p","R1"'],
  ])('with the headings of Milestone exports', (text) => {
    expect(readCameraRows(text)).toEqual([
      { ...nothing, line: 2, address: 'http://192.0.2.1', user: 'root', password: 'p', name: 'Gate' },
    ])
  })

  test('with a port in a column of its own', () => {
    const rows = readCameraRows('HardwareAddress;HardwarePort\n192.0.2.1;8080\n192.0.2.2;80\nhttp://192.0.2.3/;81\n')
    expect(rows.map(({ address }) => address)).toEqual(['192.0.2.1:8080', '192.0.2.2', 'http://192.0.2.3:81'])
  })

  test.each([
    ['', /empty/],
    ['192.0.2.1;root;secret\n', /name its columns/],
    ['address;password\n192.0.2.1;\uFFFDsecret\n', /UTF-8/],
    ['address;password\n192.0.2.1;"secret\n', /not CSV/],
  ])('that cannot be read is refused without quoting a password', (text, words) => {
    const refused = () => readCameraRows(text)
    expect(refused).toThrow(words)
    expect(refused).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }))
  })
})
