import { cases } from '../../cases/int8'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
