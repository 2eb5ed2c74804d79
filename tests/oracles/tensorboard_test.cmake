# Makes a short run and lets TensorBoard read what it wrote.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${RUN})
execute_process(COMMAND ${CORRAL} train --algo ppo --env CartPole-v1 --workers 1 --worker-mode thread
  --endpoint inproc --steps 20000 --seed 1 --out ${RUN} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PYTHON} ${CMAKE_CURRENT_LIST_DIR}/tensorboard_read.py ${RUN} COMMAND_ERROR_IS_FATAL ANY)
