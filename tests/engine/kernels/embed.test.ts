import { cases } from '../../cases/embed'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
