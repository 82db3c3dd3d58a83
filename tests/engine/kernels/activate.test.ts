import { cases } from '../../cases/activate'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
