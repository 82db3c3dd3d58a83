import { cases } from '../../cases/gather-columns'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
