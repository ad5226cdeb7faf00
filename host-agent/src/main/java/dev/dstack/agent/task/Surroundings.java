package dev.dstack.agent.task;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.volume.HostVolumes;
import java.time.InstantSource;

/**
 * What all tasks of an agent share.
 *
 * @param bootId of the host, as it is now
 * @param agentUser whom the agent itself runs as
 */
record Surroundings(
    InstantSource clock,
    AgentLog log,
    Archives archives,
    String bootId,
    TaskUser agentUser,
    ContainerHost containers,
    HostVolumes volumes) {}
