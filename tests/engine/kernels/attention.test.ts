import { cases } from '../../cases/attention'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
