import { cases } from '../../cases/logits'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
