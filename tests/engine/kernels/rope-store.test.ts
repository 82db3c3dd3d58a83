import { cases } from '../../cases/rope-store'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
