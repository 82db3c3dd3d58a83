import { cases } from '../../cases/ceilings'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
