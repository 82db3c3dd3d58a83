import { cases } from '../../cases/matmul'
import { testOnEveryDevice } from './every-device'

testOnEveryDevice(cases)
