/**
 * Containers by the Docker Engine of the host: images, limits, ports, devices, and what the
 * engine's complaints mean.
 *
 * <p>Of docker-java this uses the transport and not the typed client: a dozen calls do not need its
 * second JSON library, and the engine's answers are read as the trees they are.
 *
 * <p>What keeps a container apart from the host, beyond Docker's own defaults (its seccomp and
 * AppArmor profiles, masked paths of /proc, no device but those asked for): it can't make device
 * nodes or raw packets, it has a limit of processes, it is not given the engine's socket, and the
 * agent's own files are mounted read-only but for the io directory, of which the agent never
 * follows a link. {@code no-new-privileges} is left off, because {@code sudo} in an image would
 * fail with it and a container's user may be root anyway. {@code privileged} lifts all of this.
 */
@NullMarked
package dev.dstack.agent.docker;

import org.jspecify.annotations.NullMarked;
