import { cases } from '../../cases/norms'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
