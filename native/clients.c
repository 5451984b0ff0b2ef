/* The clients of a guest, at guest.sock in its folder: see keeper.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "keeper.h"

#define NAME "guest.sock"
#define ROOM (FRAME_HEADER + FRAME_PAYLOAD_MAX)

int clients_listen(struct clients *clients, int folder_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	for (int i = 0; i < MUX_CLIENTS_MAX; i++)
		clients->items[i].fd = -1;
	clients->listener = fd;
	/* A short name of the folder: that of a socket has at most 107 bytes. */
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" NAME, folder_fd);
	(void)unlinkat(folder_fd, NAME, 0);
	mode_t before = umask(0177);
	int error = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
				    listen(fd, SOMAXCONN) < 0
			    ? errno
			    : 0;
	umask(before);
	return error;
}

/* The socket's mode keeps others out already; one that was handed over does not count. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

int clients_add(struct keeper *keeper, int fd)
{
	unsigned char *in = malloc(ROOM);
	int number = in == NULL ? -1 : mux_client_add(keeper->mux);

	if (number < 0) {
		free(in);
		close(fd);
		return -1;
	}
	keeper->clients.items[number] = (struct client){.fd = fd, .in = in};
	keeper->clients.count++;
	keeper->clients.crowded = keeper->clients.count == MUX_CLIENTS_MAX;
	return number;
}

void clients_accept(struct keeper *keeper)
{
	while (!keeper->clients.crowded) {
		int fd = accept4(keeper->clients.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		/* Out of descriptors it stays ready to accept: to look again and again helps nobody. */
		if (fd < 0 && errno != EAGAIN)
			keeper->clients.crowded = true;
		if (fd < 0)
			return;
		if (is_ours(fd))
			(void)clients_add(keeper, fd);
		else
			close(fd);
	}
}

void clients_close(struct keeper *keeper, int number)
{
	struct client *client = &keeper->clients.items[number];

	tty_line_detach(keeper, number);
	if (keeper->memory.client == number)
		keeper->memory.client = -1;
	mounts_forget(keeper, number);
	mux_client_gone(keeper->mux, number);
	close(client->fd);
	free(client->in);
	*client = (struct client){.fd = -1};
	keeper->clients.count--;
	keeper->clients.crowded = false;
}

void clients_close_all(struct keeper *keeper)
{
	for (int i = 0; i < MUX_CLIENTS_MAX; i++)
		if (keeper->clients.items[i].fd >= 0)
			clients_close(keeper, i);
}

short clients_events(const struct keeper *keeper, int number)
{
	const struct client *client = &keeper->clients.items[number];
	bool hears = mux_client_is_raw(keeper->mux, number) ? tty_line_takes(keeper)
							     : mux_client_heard(keeper->mux, number);

	return (short)((hears && client->size < ROOM ? POLLIN : 0) |
		       (mux_client_out(keeper->mux, number)->size > 0 ? POLLOUT : 0));
}

/* Hands on what was heard as far as there is room for it; false for a client not to be heard again. */
static bool hand_on(struct keeper *keeper, int number)
{
	struct client *client = &keeper->clients.items[number];
	long taken = 0;

	if (client->size == 0)
		return true;
	if (!mux_client_is_raw(keeper->mux, number))
		taken = mux_client_take(keeper->mux, number, client->in, client->size);
	if (taken >= 0 && mux_client_is_raw(keeper->mux, number))
		taken += (long)tty_line_type(keeper, client->in + taken, client->size - (size_t)taken);
	if (taken < 0)
		return false;
	client->size -= (size_t)taken;
	memmove(client->in, client->in + taken, client->size);
	return true;
}

/* False once it is gone. */
static bool hear(struct keeper *keeper, int number)
{
	struct client *client = &keeper->clients.items[number];
	ssize_t count = recv(client->fd, client->in + client->size, ROOM - client->size, MSG_DONTWAIT);

	if (count > 0)
		client->size += (size_t)count;
	return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/* False once it is gone, or has been told everything, or takes nothing and pretends to. */
static bool tell(struct keeper *keeper, int number)
{
	struct queue *out = mux_client_out(keeper->mux, number);

	while (out->size > 0) {
		ssize_t count = send(keeper->clients.items[number].fd, queue_first(out), out->size,
				     MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno == EAGAIN && out->size <= MUX_CLIENT_MAX;
		queue_drop(out, (size_t)count);
	}
	return !mux_client_closing(keeper->mux, number);
}

void clients_turn(struct keeper *keeper, int number, short events)
{
	bool stays = true;

	if ((events & POLLIN) != 0)
		stays = hear(keeper, number);
	else if ((events & (POLLHUP | POLLERR)) != 0)
		stays = false;
	if (!stays || !hand_on(keeper, number) || !tell(keeper, number))
		clients_close(keeper, number);
}
