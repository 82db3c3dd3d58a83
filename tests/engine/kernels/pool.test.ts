import { cases } from '../../cases/pool'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
