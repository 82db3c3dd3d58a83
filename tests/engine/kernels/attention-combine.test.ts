import { cases } from '../../cases/attention-combine'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
